import { activityInfo } from '@temporalio/activity';
import type { RequestRef } from '../../domain/deploy/contract';
import { OperationKind } from '../../domain/schema/change';
import { Failure, isFailure, type FailureCode } from '../../domain/failures';
import type { FailureView } from '../../domain/saga';
import type { SwapOptions } from '../../drivers/database/engine';
import { pause } from '../../drivers/database/pause';
import type { DeployActivities, Remains, SwapOutcome, Trying } from './activities';
import { prove } from './copy';
import { isOwn, noteOperation } from './operation';
import type { DeployPorts } from './ports';
import { lossesOf } from './losses';
import { finishFailed, remainsOf, remainsOfAll } from './remains';
import { isSeveral, plannedOf, type PlannedSubject } from './subject';
import { watched, type Watched } from './work';

type SwapSteps = Pick<DeployActivities, 'cutOver' | 'refuseLosses' | 'revert' | 'finish' | 'remains' | 'conclude'>;

/** Milliseconds of one attempt, or the whole time if that is less; then it is looked whether somebody forces it. */
const ATTEMPT_MS = 3_000;

/** Milliseconds between two attempts. */
const BETWEEN_MS = 250;

/** What holds a swap up and passes, once somebody did something about it; nothing is changed by it. */
const holdUps: readonly FailureCode[] = ['CHANGE_BLOCKED', 'CHANGE_BEHIND', 'ROWS_REFUSED', 'REVERT_LOSES'];

/**
 * Attempts at a swap until it is made or the time is over; who holds it up is told meanwhile.
 * @param since time in milliseconds at which the attempts began
 */
async function attempts(
  ports: DeployPorts,
  { deadlineMs, ...ref }: RequestRef & Trying,
  since: number,
  attempt: (options: Pick<SwapOptions, 'force' | 'deadlineMs'>, work: Watched) => Promise<unknown>,
): Promise<SwapOutcome> {
  const until = since + deadlineMs;
  return await watched(ports, ref, async (work) => {
    for (;;) {
      const { forceCutoverRequestedAt } = work.latest().deployment;
      try {
        const options = { force: forceCutoverRequestedAt !== null, deadlineMs: Math.min(ATTEMPT_MS, deadlineMs) };
        await attempt(options, work);
        return { swapped: true };
      } catch (error) {
        if (!isFailure(error)) throw error;
        // Whoever follows the log still, may have the change for a moment.
        if (error.code !== 'CONFLICT' && !holdUps.includes(error.code)) throw error;
        const heldUp: FailureView = { code: error.code, message: error.message };
        if (!isOwn(ref)) await ports.deploys.requests.note(ref.organizationId, ref.requestId, { error: heldUp });
        const { code: errorCode, message } = heldUp;
        await noteOperation(ports, ref, { error: message, errorCode, waits: message });
        // What would be lost does not become less by waiting.
        if (Date.now() > until || error.code === 'REVERT_LOSES') return { swapped: false, heldUp };
      }
      await pause(BETWEEN_MS, work.signal);
      work.signal.throwIfAborted();
    }
  });
}

/** Puts the new side in the place of the old. @param since time in milliseconds at which the attempts began */
export async function swapOver(
  ports: DeployPorts,
  ref: RequestRef & Trying,
  { engine, change, database, into }: Omit<PlannedSubject, 'planned'>,
  since: number,
): Promise<SwapOutcome> {
  return await attempts(ports, ref, since, async (options, work) => {
    await engine.cutOver(change, options, work);
    // The accounts of the target may touch the tables, too, that it did not have before.
    const made = change.operations.filter(({ kind }) => kind === OperationKind.create).map(({ name }) => name);
    await (await ports.host(database)).share(into.schema, made);
  });
}

/** Putting the new side in the place of the old, and back. */
export function swapSteps(ports: DeployPorts): SwapSteps {
  const { requests } = ports.deploys;

  return {
    async cutOver(ref) {
      return await swapOver(ports, ref, await plannedOf(ports, ref), activityInfo().scheduledTimestampMs);
    },

    async refuseLosses(ref) {
      await watched(ports, ref, async (work) => {
        const losses = await lossesOf(ports, ref, work);
        if (losses.length === 0) return;
        const message = losses.map((loss) => loss.message).join('; ');
        throw new Failure('REVERT_LOSES', message, { data: { losses: losses.map(({ example: _, ...loss }) => loss) } });
      });
    },

    async revert({ acceptLosses, ...ref }) {
      const { engine, change } = await plannedOf(ports, ref);
      let proven = false;
      return await attempts(ports, ref, activityInfo().scheduledTimestampMs, async ({ deadlineMs }, work) => {
        const phase = (await engine.state(change.id))?.phase;
        if (!proven && phase === 'swapped') await prove(engine, change, work);
        proven = true;
        await engine.revert(change, { force: false, deadlineMs, acceptLosses }, work);
      });
    },

    async finish(ref) {
      if (await isSeveral(ports, ref)) return await finishFailed(ports, ref);
      const { engine, change } = await plannedOf(ports, ref);
      await watched(ports, ref, async (work) => await engine.finish(change, work));
    },

    async remains(ref): Promise<Remains> {
      return (await isSeveral(ports, ref)) ? await remainsOfAll(ports, ref) : await remainsOf(ports, ref);
    },

    async conclude({ reverted, ...ref }) {
      const { branches } = ports.deploys;
      const { organizationId, databaseId } = ref;
      const { request, into, branch, database, planned } = await plannedOf(ports, ref);
      await branches.update(organizationId, databaseId, into.id, { schemaChangedAt: new Date() });
      if (reverted || branch.deletedAt !== null) return { deletes: null };
      await branches.setBase(organizationId, databaseId, branch.id, JSON.stringify(planned));
      const inLine = await requests.inLine(organizationId, databaseId);
      const used = inLine.some(({ branchId, intoBranchId }) => branchId === branch.id || intoBranchId === branch.id);
      const keeps = used || branch.adopted || branch.production || branch.name === database.defaultBranch;
      if (!request.deployment.autoDeleteBranch || keeps) return { deletes: null };
      await branches.update(organizationId, databaseId, branch.id, { state: 'deleting' });
      return { deletes: branch.id };
    },
  };
}
