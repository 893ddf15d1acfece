import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { RequestRef } from '../../domain/deploy/contract';
import type { DeploymentState } from '../../domain/deploy/states';
import { Failure, isFailure } from '../../domain/failures';
import { Wanted } from '../../domain/rollout/apply';
import { untilAborted } from '../../drivers/database/pause';
import type { DeployActivities, Moving, OwnActivities } from './activities';
import { follow, prove } from './copy';
import { hasMoved } from './looks';
import { enterPhases, isSeen, noteOperation, type OwnRef, type Seen } from './operation';
import { moveOwn } from './own-moves';
import type { DeployPorts } from './ports';
import { plannedOf } from './subject';
import { swapOver } from './swap';
import { expected, watched, type Watched } from './work';

/** What ends the wait for a turn to cut over, beside that turn. */
const interruptions: readonly (Wanted | null)[] = [Wanted.cancel, Wanted.stop];

/** What one of several deployments does, from one word of its apply to the next. */
export function ownSteps(ports: DeployPorts): Pick<DeployActivities, keyof OwnActivities> {
  const enter = async (ref: OwnRef, move: Moving['move'], notes: Pick<Moving, 'error'> = {}): Promise<void> =>
    await moveOwn(ports, { ...ref, ...notes, move, at: new Date().toISOString() }, ref);

  /** Keeps both sides alike for as long as an operation is in a state and nobody says a word that is waited for. */
  const untilTold = async (
    ref: OwnRef,
    state: DeploymentState,
    keepAlike: (work: Watched) => Promise<void>,
    isTold: (seen: Seen) => boolean,
  ): Promise<Seen> => {
    let seen: Seen | undefined;
    await watched(ports, ref, keepAlike, (request) => {
      if (!isSeen(request)) return false;
      seen = request;
      return request.deployment.state !== state || isTold(request);
    });
    return seen!;
  };

  return {
    async makeReady(given) {
      const ref = ownIn(given);
      const { engine, change, request } = await plannedOf(ports, ref);
      // An attempt before this one came that far.
      if (request.deployment.state === 'pending_cutover') return;
      await expected(async () => await engine.prepare(change, { signal: cancellationSignal() }));
      await enter(ref, 'begin');
      await watched(ports, ref, async (work) => {
        await engine.copy(change, work);
        await enterPhases(ports, ref, ['catchUp', 'compare']);
        await prove(engine, change, work);
      });
      await enter(ref, 'gate');
    },

    async cutOverWhenTold({ deadlineMs, restMs, ...given }) {
      const ref = ownIn(given);
      const { planned: _, ...subject } = await plannedOf(ports, ref);
      const restsUntil = activityInfo().scheduledTimestampMs + restMs;
      const keepAlike = async (work: Watched): Promise<void> => await follow(subject.engine, subject.change, work);
      const rested = setTimeout(() => hasMoved(ref), Math.max(0, restsUntil - Date.now()));
      const seen = await untilTold(ref, 'pending_cutover', keepAlike, ({ operation: { wanted } }) => {
        return (wanted === Wanted.cutOver && Date.now() >= restsUntil) || interruptions.includes(wanted);
      }).finally(() => clearTimeout(rested));
      const { state } = seen.deployment;
      if (state === 'complete_pending_revert') return { swapped: true };
      if (state !== 'in_progress_cutover') {
        const { wanted } = seen.operation;
        if (wanted !== Wanted.cutOver) return { wanted: wanted!, acceptLosses: false };
      }
      if (seen.operation.state !== 'cutting_over') await enter(ref, 'cutOver');
      const outcome = await swapOver(ports, { ...ref, deadlineMs }, subject, Date.now());
      if (!outcome.swapped) await enter(ref, 'holdUp', { error: outcome.heldUp });
      // What is instant is not open, but complete.
      else if (!seen.deployment.instant) await enter(ref, 'open', { error: null });
      return outcome;
    },

    async finishWhenTold(given) {
      const ref = ownIn(given);
      const { engine, change } = await plannedOf(ports, ref);
      const keepAlike = async (work: Watched): Promise<void> => {
        try {
          await expected(() => follow(engine, change, work));
        } catch (error) {
          if (!isFailure(error) || error.retryable) throw error;
          // What is live stays so; a revert would find out that the sides are not kept alike.
          await noteOperation(ports, ref, { error: error.message, errorCode: error.code });
          await untilAborted(work.signal);
        }
      };
      const { deployment, operation } = await untilTold(ref, 'complete_pending_revert', keepAlike, (seen) => {
        const { state, wanted } = seen.operation;
        return state === 'skipping_revert' || wanted === Wanted.skipRevert || wanted === Wanted.revert;
      });
      if (deployment.state === 'complete') return { finished: true };
      if (operation.state !== 'skipping_revert' && operation.wanted === Wanted.revert) {
        const apply = await ports.rollouts.applies.get(ref.organizationId, ref.requestId);
        return { wanted: Wanted.revert, acceptLosses: apply?.asked.acceptLosses ?? false };
      }
      if (operation.state !== 'skipping_revert') await enter(ref, 'skipRevert');
      await watched(ports, ref, async (work) => await engine.finish(change, work));
      await enter(ref, 'finish', { error: null });
      return { finished: true };
    },
  };
}

/** @throws Failure INVALID_INPUT for the ref of a request */
function ownIn({ organizationId, databaseId, requestId, number, operation }: RequestRef): OwnRef {
  if (operation) return { organizationId, databaseId, requestId, number, operation };
  throw new Failure('INVALID_INPUT', `deploy request ${requestId} is not the share of one deployment`);
}
