import { executeChild, ParentClosePolicy, sleep, uuid4 } from '@temporalio/workflow';
import type { Became, Holder } from '../../activities/fleet/activities';
import type { Retire } from '../../domain/fleet/contract';
import { moveRunId, RunKind, type GatewayMoved, type MoveGateway } from '../../domain/gateway/contract';
import type { RunPolicy } from '../../domain/run-policy';
import { failureView, isRunFailure } from '../saga/failure';
import type { FleetProxies } from './activities';
import { runAttributes } from './attributes';

/** Between two moves that failed for another reason than that no replica is free: the first, and the longest. */
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1_000, 300_000];

/**
 * Waits until nobody holds a replica that is to go. Whoever still does after a while, or holds one that does not answer,
 * is moved to another replica; while that is not possible it is said why, and tried again when a replica is free.
 */
export async function drain(
  act: FleetProxies,
  { organizationId, gatewayId, replicaId, policy, fleet }: Retire,
): Promise<void> {
  const ref = { organizationId, gatewayId, replicaId };
  const since = Date.now();
  let said = '';
  let waitMs = FIRST_WAIT_MS;
  for (let blocked = false; ; blocked = true) {
    const holder = await act.drain.awaitFree({ ...ref, fleet, since, blocked });
    if (!holder) return;
    const became = await move(holder, policy);
    if ('movedTo' in became) {
      await act.state.noteHolder({ ...ref, holder, became });
      continue;
    }
    const { code, message } = became.stays;
    if (message !== said) await act.state.noteHolder({ ...ref, holder, became });
    said = message;
    if (code === 'POOL_EMPTY') continue;
    await sleep(waitMs);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

/** Each attempt is a run of its own, which goes on whatever becomes of this one. */
async function move({ organizationId, allocationId, from }: Holder, policy: RunPolicy): Promise<Became> {
  const moveId = uuid4();
  const run = moveRunId(moveId);
  const input: MoveGateway = { organizationId, allocationId, moveId, from, policy };
  try {
    const moved = await executeChild<(input: MoveGateway) => Promise<GatewayMoved>>(RunKind.move, {
      workflowId: run,
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      // A worker that dies with a task is noticed then.
      workflowTaskTimeout: '4s',
      typedSearchAttributes: runAttributes(RunKind.move, organizationId),
    });
    return { movedTo: moved.replicaId, run };
  } catch (error) {
    if (!isRunFailure(error)) throw error;
    return { stays: failureView(error), run };
  }
}
