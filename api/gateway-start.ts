import type { Response } from 'express';
import { Failure } from '../domain/failures';
import type { Allocation } from '../domain/gateway/allocation';
import { startRunId, type GatewayStarted } from '../domain/gateway/contract';
import { isLeftOver } from './allocation-runs';
import type { Deps } from './deps';
import { ok, type Answer } from './route';
import { accepted, failed } from './run-answer';
import { waitForRun } from './waiting';

/** What a start is asked for. */
export interface StartRequest {
  readonly organizationId: string;
  /** Minted for this request, or by the first one with the same Idempotency-Key. */
  readonly allocationId: string;
  /** Until when the caller waits, in milliseconds since 1970; undefined when it does not wait at all. */
  readonly until: number | undefined;
  readonly gone: AbortSignal;
  readonly res: Response;
}

/**
 * Gives an organization its gateway: the one it has, the one that is being started, or a new one.
 * @throws Failure STATE_CONFLICT while its gateway is being stopped, and when an abandoned run left it half there;
 * ENGINE_UNAVAILABLE, STORE_UNAVAILABLE.
 */
export async function startGateway(deps: Deps, request: StartRequest): Promise<Answer> {
  const held = await deps.store.pool.openAllocation(request.organizationId);
  if (held) return await joinAllocation(deps, request, held);
  const { organizationId, allocationId } = request;
  const { zone, placements, policy } = deps.settings;
  const runId = startRunId(allocationId);
  await deps.engine.startGateway(runId, { organizationId, allocationId, zone: zone.name, placements, policy });
  return await follow(deps, request, { runId, allocationId, joined: false });
}

/** The answer for an organization that holds an allocation already. */
async function joinAllocation(deps: Deps, request: StartRequest, held: Allocation): Promise<Answer> {
  const { id: allocationId, runId } = held;
  if (held.state === 'live') return ok(started(runId, held));
  if (await isLeftOver(deps.store, held))
    throw new Failure(
      'STATE_CONFLICT',
      'A run of the organization’s gateway was given up and left it half there. Stop the gateway, then start it again.',
      { data: { allocationId, state: held.state, allowed: ['stop'] } },
    );
  if (held.state === 'starting') return await follow(deps, request, { runId, allocationId, joined: true });
  throw new Failure('STATE_CONFLICT', 'The organization’s gateway is being stopped; start it when that has ended.', {
    data: { allocationId, state: held.state, allowed: [] },
  });
}

async function follow(
  deps: Deps,
  request: StartRequest,
  run: { readonly runId: string; readonly allocationId: string; readonly joined: boolean },
): Promise<Answer> {
  const { until, gone, res, organizationId } = request;
  if (until === undefined) return accepted({ ...run, organizationId }, true);
  const waitMs = Math.max(0, until - Date.now());
  const waited = await waitForRun<GatewayStarted>(deps, run.runId, { waitMs, gone, joined: run.joined });
  if (waited === undefined) return accepted({ ...run, organizationId }, false);
  if ('attention' in waited) {
    const error = waited.attention ?? { code: 'INTERNAL', message: '' };
    return failed(res, run.runId, title, error, { needs_attention: true });
  }
  if (waited.ok) return ok(started(run.runId, waited.result));
  if (waited.code === 'ALLOCATION_BUSY' && !run.joined) return await joinWinner(deps, request, waited.data);
  return failed(res, run.runId, title, waited);
}

/** Two starts of one organization raced, and this one lost: the other one's end is the answer. */
async function joinWinner(deps: Deps, request: StartRequest, data: Readonly<Record<string, unknown>>): Promise<Answer> {
  const winner =
    typeof data['allocationId'] === 'string' ? await deps.store.pool.allocation(data['allocationId']) : null;
  if (!winner) throw new Failure('ALLOCATION_BUSY');
  // Over by now, or taken back: its run tells how it ended.
  if (winner.state === 'released')
    return await follow(deps, request, { runId: winner.runId, allocationId: winner.id, joined: true });
  return await joinAllocation(deps, request, winner);
}

const title = 'Failed to start gateway';

function started(runId: string, gateway: Allocation | GatewayStarted): Record<string, unknown> {
  return {
    gateway_hostname: gateway.hostname,
    organization_id: gateway.organizationId,
    allocation_id: 'allocationId' in gateway ? gateway.allocationId : gateway.id,
    run_id: runId,
    state: 'live',
    replica_id: gateway.replicaId,
    epoch: gateway.epoch,
  };
}
