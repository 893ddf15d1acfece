import { CancellationScope, condition, setHandler, type TemporalFailure } from '@temporalio/workflow';
import type { Lacking, Rolling, RolloutRef } from '../../activities/fleet/activities';
import {
  FleetWorkflow,
  gatewayWorkflowId,
  replicaWorkflowId,
  rolloutRunId,
  type Rollout,
} from '../../domain/fleet/contract';
import type { ProfileRevision } from '../../domain/fleet/gateway';
import { rolloutStep } from '../../domain/fleet/steps';
import { failureView, isRunFailure } from '../saga/failure';
import { nothing } from '../saga/undo';
import { Saga } from '../saga/saga';
import { fleetActivities, type FleetProxies } from './activities';
import { lookSignal, revertSignal, skipRevertSignal, tell } from './signals';

/**
 * Gives the replicas of a gateway another revision of its profile, one after the other, in place. The first that fails
 * has all of them taken back, and so has whoever cancels or reverts it. A later change of the profile ends it: that one's
 * rollout goes on from wherever this one came to.
 */
export async function rolloutProfile(input: Rollout): Promise<void> {
  const { organizationId, gatewayId, number, policy, fleet } = input;
  const ref: RolloutRef = { organizationId, gatewayId, number, run: rolloutRunId(gatewayId, number) };
  const act = fleetActivities(policy, fleet);
  const window = new RevertWindow();
  const scope = new CancellationScope();
  setHandler(revertSignal, () => scope.cancel());

  const definition = { kind: FleetWorkflow.rollout, organizationId, policy, placement: 'local' } as const;
  const { reached, error } = await scope
    .run(() => Saga.run(definition, (saga) => rollOut(saga, act, window, ref, input)))
    .then(
      (all): Outcome => ({ reached: all ? input.to : null }),
      (failure: unknown): Outcome => {
        if (!isRunFailure(failure)) throw failure;
        return { reached: null, error: failure };
      },
    );
  await CancellationScope.nonCancellable(async () => {
    const going = await act.state.settleRollout({ ...ref, reached });
    await Promise.all(going.map((replicaId) => tell(replicaWorkflowId(replicaId))));
    await tell(gatewayWorkflowId(gatewayId));
  });
  if (error) throw error;
}

interface Outcome {
  readonly reached: ProfileRevision | null;
  readonly error?: TemporalFailure;
}

/** @returns whether all replicas have the revision, and no other took its place meanwhile. */
async function rollOut(
  saga: Saga,
  act: FleetProxies,
  window: RevertWindow,
  ref: RolloutRef,
  { from, to, fleet }: Rollout,
): Promise<boolean> {
  const work = (profile: ProfileRevision, { replicaId }: Lacking): Rolling => ({ ...ref, replicaId, profile, fleet });
  const begun = new Map<string, Lacking>();
  const lacking = (profile: ProfileRevision, except: readonly string[] = []): Promise<Lacking | null> =>
    act.drain.nextLacking({ ...ref, profile, except, fleet });

  await saga.step('begin', {
    do: () => act.state.isWanted(ref),
    // Last of all, so that also those are found that came up with the new revision meanwhile.
    undo: async (_, { leftBehind }) => {
      if (!(await act.undo.takeProfileBack(ref))) return;
      // Those whose own undo is stuck wait for a person.
      const seen = [...begun].filter(([step]) => leftBehind.includes(step)).map(([, { replicaId }]) => replicaId);
      for (let next = await lacking(from, seen); next; next = await lacking(from, seen)) {
        await give(act, work(from, next));
        seen.push(next.replicaId);
      }
    },
  });
  for (let next = await lacking(to); next; next = await lacking(to)) {
    const replica = next;
    const again = [...begun.values()].filter(({ replicaId }) => replicaId === replica.replicaId).length;
    const step = rolloutStep(replica, again + 1);
    begun.set(step, replica);
    await saga.step(step, {
      do: () => give(act, work(to, replica)),
      undo: async () => {
        // With the first of these, so that new replicas get the former revision from then on.
        if (await act.undo.takeProfileBack(ref)) await give(act, work(from, replica));
        else await act.undo.letReplicaGo({ ...work(to, replica), given: false });
      },
    });
  }
  if (!(await act.state.isWanted(ref))) return false;
  await saga.step('window', {
    do: () => window.over(fleet.rolloutRevertMs, () => act.state.isWanted(ref)),
    undo: nothing('waiting leaves nothing behind'),
  });
  return await act.state.isWanted(ref);
}

/** Gives one replica a revision. One that is to go needs none; its hold goes with it. */
async function give(act: FleetProxies, work: Rolling): Promise<void> {
  try {
    if (!(await act.undo.holdReplica(work))) return;
    await act.configure.configureAs(work);
    await act.health.awaitHealthyAs(work);
    await act.undo.letReplicaGo({ ...work, given: true });
  } catch (error) {
    if (!isRunFailure(error) || failureView(error).code !== 'STATE_CONFLICT') throw error;
  }
}

/** The time in which a rollout that has reached all replicas can be taken back. */
class RevertWindow {
  private skipped = false;
  private look = false;

  constructor() {
    setHandler(skipRevertSignal, () => void (this.skipped = true));
    setHandler(lookSignal, () => void (this.look = true));
  }

  /** Waits until the time is over, somebody says that it need not be waited, or nobody wants the rollout any more. */
  async over(ms: number, isWanted: () => Promise<boolean>): Promise<void> {
    const until = Date.now() + ms;
    for (;;) {
      this.look = false;
      const left = until - Date.now();
      if (this.skipped || left <= 0 || !(await isWanted())) return;
      await condition(() => this.skipped || this.look, left);
    }
  }
}
