import { Failure } from '../domain/failures';
import type { Run } from '../prisma/store';
import type { Caller } from './access';
import type { Deps } from './deps';

/** The ids that the API gives to runs: only for these is Temporal asked. */
const OURS = /^gateway-(start|stop)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-[1-9][0-9]*)?$/;

/**
 * A run that the caller may see. One that was answered 202 and has not begun its first step is known to Temporal only.
 * @throws Failure NOT_FOUND, ENGINE_UNAVAILABLE, STORE_UNAVAILABLE
 */
export async function visibleRun({ store, engine }: Deps, caller: Caller, id: string): Promise<Run> {
  const run = (await store.journal.run(id)) ?? (OURS.test(id) ? await fromEngine(engine, id) : null);
  if (!run) throw new Failure('NOT_FOUND', 'There is no such run.');
  if (!caller.sees(run.organizationId)) throw new Failure('NOT_FOUND', 'There is no such run.');
  return run;
}

async function fromEngine(engine: Deps['engine'], id: string): Promise<Run | null> {
  const known = await engine.describe(id);
  if (!known) return null;
  return {
    id,
    kind: known.kind,
    organizationId: known.organizationId,
    startedAt: known.startedAt,
    // Every attempt is journalled before it runs: one that ended without a word in the journal has done nothing.
    state: known.running ? 'running' : 'rolled_back',
    endedAt: null,
    attentionSince: null,
    severity: null,
    error: null,
    resourceVersion: 0,
  };
}
