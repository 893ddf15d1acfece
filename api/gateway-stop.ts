import type { Response } from 'express';
import { Failure } from '../domain/failures';
import type { Allocation } from '../domain/gateway/allocation';
import type { GatewayStopped } from '../domain/gateway/contract';
import { presentStop, startIsOver } from './allocation-runs';
import type { Deps } from './deps';
import { ok, type Answer } from './route';
import { accepted, failed } from './run-answer';
import { waitForRun } from './waiting';

/** What a stop is asked for. */
export interface StopRequest {
  readonly allocationId: string;
  /** Until when the caller waits, in milliseconds since 1970; undefined when it does not wait at all. */
  readonly until: number | undefined;
  readonly gone: AbortSignal;
  readonly res: Response;
}

/**
 * Takes a gateway down, or joins the run that is doing so; one that is down already is answered the same.
 * @throws Failure NOT_FOUND; STATE_CONFLICT while it is being started; ENGINE_UNAVAILABLE, STORE_UNAVAILABLE.
 */
export async function stopGateway(deps: Deps, { allocationId, until, gone, res }: StopRequest): Promise<Answer> {
  const held = await stoppable(deps, allocationId);
  const runId = await presentStop(deps.store, allocationId);
  if (held.state === 'released') return ok(stopped((await deps.store.journal.run(runId)) ? runId : held.runId, held));
  const { zone, placements, policy } = deps.settings;
  const { organizationId } = held;
  await deps.engine.stopGateway(runId, { organizationId, allocationId, zone: zone.name, placements, policy });
  if (until === undefined) return accepted({ runId, allocationId, organizationId }, true);
  const waitMs = Math.max(0, until - Date.now());
  const joined = held.state === 'stopping';
  const waited = await waitForRun<GatewayStopped>(deps, runId, { waitMs, gone, joined });
  if (waited === undefined) return accepted({ runId, allocationId, organizationId }, false);
  const title = 'Failed to stop gateway';
  if ('attention' in waited)
    return failed(res, runId, title, waited.attention ?? { code: 'INTERNAL', message: '' }, { needs_attention: true });
  return waited.ok ? ok(stopped(runId, held)) : failed(res, runId, title, waited);
}

/** @throws Failure NOT_FOUND; STATE_CONFLICT while the start goes on. */
async function stoppable({ store }: Deps, allocationId: string): Promise<Allocation> {
  const held = await store.pool.allocation(allocationId);
  if (!held) throw new Failure('NOT_FOUND', 'The organization holds no gateway.');
  if (held.state !== 'starting') return held;
  // What an abandoned start has left can be stopped. One that ended since has changed its allocation before.
  if (await startIsOver(store, held)) return (await store.pool.allocation(allocationId))!;
  throw new Failure('STATE_CONFLICT', 'The gateway is being started; cancel that run, or stop it when it is up.', {
    data: { allocationId, runId: held.runId, state: held.state, allowed: ['cancel'] },
  });
}

function stopped(runId: string, { id, organizationId, hostname }: Allocation): Record<string, unknown> {
  return {
    gateway_hostname: hostname,
    organization_id: organizationId,
    allocation_id: id,
    run_id: runId,
    state: 'released',
  };
}
