import { cancellationSignal } from '@temporalio/activity';
import { Failure, isFailure } from '../../domain/failures';
import type { PlannedChange } from '../../domain/schema/plan';
import type { SchemaEngine } from '../../drivers/database/engine';
import { pause } from '../../drivers/database/pause';
import type { DeployActivities } from './activities';
import type { DeployPorts } from './ports';
import { isSeveral, plannedOf } from './subject';
import { expected, watched, type Watched } from './work';

type CopySteps = Pick<DeployActivities, 'prepareChange' | 'takeBack' | 'copy' | 'prove' | 'follow'>;

/** Milliseconds between two looks whether rows that do not fit have been corrected. */
const REFUSED_LOOK_MS = 2_000;

/** Milliseconds before a change is taken hold of again that somebody else has taken. */
const TAKEN_MS = 200;

/** Making the new side, filling it, and keeping it right. */
export function copySteps(ports: DeployPorts): CopySteps {
  return {
    async prepareChange(ref) {
      const { engine, change } = await plannedOf(ports, ref);
      await expected(async () => await engine.prepare(change, { signal: cancellationSignal() }));
    },

    async takeBack(ref) {
      if (await isSeveral(ports, ref)) return;
      const { engine, change } = await plannedOf(ports, ref);
      await expected(async () => {
        await engine.cancel(change, { signal: cancellationSignal() });
        await proveGone(engine, change);
      });
    },

    async copy(ref) {
      const { engine, change } = await plannedOf(ports, ref);
      await watched(ports, ref, async (work) => await engine.copy(change, work));
    },

    async prove(ref) {
      const { engine, change } = await plannedOf(ports, ref);
      await watched(ports, ref, async (work) => await prove(engine, change, work));
    },

    async follow({ state, ...ref }) {
      const { engine, change } = await plannedOf(ports, ref);
      await watched(
        ports,
        ref,
        async (work) => await follow(engine, change, work),
        (request) => request.deployment.state !== state,
      );
    },
  };
}

/** Follows the log until it is told to stop. Whoever swaps or compares takes the change for a moment. */
export async function follow(engine: SchemaEngine, change: PlannedChange, work: Watched): Promise<void> {
  while (!work.signal.aborted) {
    try {
      await engine.follow(change, work);
    } catch (error) {
      if (work.signal.aborted) return;
      if (!isFailure(error) || error.code !== 'CONFLICT') throw error;
      await pause(TAKEN_MS, work.signal);
    }
  }
}

/** Compares both sides once every row has a place in the new one. @throws Failure SIDES_DIFFER */
export async function prove(engine: SchemaEngine, change: PlannedChange, work: Watched): Promise<void> {
  if (!change.operations.some(({ shadow }) => shadow !== null)) return;
  for (;;) {
    while (await hasRefused(engine, change, work)) await followFor(REFUSED_LOOK_MS, engine, change, work);
    const proof = await whileFollowed(engine, change, work, async () => await engine.prove(change, work));
    work.signal.throwIfAborted();
    if (proof.differingCount === 0) return;
    if (await hasRefused(engine, change, work)) continue;
    const tables = [...new Set(proof.differing.map(({ table }) => table))].join(', ');
    throw new Failure('SIDES_DIFFER', `${proof.differingCount} rows of ${tables} differ`, {
      data: { differing: proof.differing.slice(0, 10) },
    });
  }
}

/** Whether the server refused the new form of a row; somebody has to correct it, and is told. */
async function hasRefused(engine: SchemaEngine, { id }: PlannedChange, work: Watched): Promise<boolean> {
  work.signal.throwIfAborted();
  const state = await engine.state(id);
  if (state) work.onProgress?.(state);
  return state?.tables.some(({ failed }) => failed.length > 0) ?? false;
}

/** Follows the log for a while, which tries refused rows again. */
async function followFor(ms: number, engine: SchemaEngine, change: PlannedChange, work: Watched): Promise<void> {
  await follow(engine, change, { ...work, signal: AbortSignal.any([work.signal, AbortSignal.timeout(ms)]) });
}

/** Does something while the log is followed; an engine that follows by itself meanwhile takes that over. */
async function whileFollowed<T>(
  engine: SchemaEngine,
  change: PlannedChange,
  work: Watched,
  action: () => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const signal = AbortSignal.any([work.signal, stop.signal]);
  const following =
    change.from.dialect === 'postgresql'
      ? Promise.resolve()
      : follow(engine, change, { ...work, signal }).catch((error: unknown) => {
          if (!stop.signal.aborted) throw error;
        });
  try {
    return await Promise.race([action(), following.then(() => new Promise<never>(() => undefined))]);
  } finally {
    stop.abort();
    await following.catch(() => undefined);
  }
}

/** @throws Failure INTERNAL, retryable, while something of a change is left. */
export async function proveGone(engine: SchemaEngine, { id }: PlannedChange): Promise<void> {
  const left = (await engine.leftovers()).filter(({ changeId }) => changeId === id);
  if (left.length === 0 && (await engine.state(id)) === null) return;
  throw new Failure('INTERNAL', `left of the change: ${left.map(({ name }) => name).join(', ')}`, { retryable: true });
}
