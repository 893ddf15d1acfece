import type { Client } from './client';
import type { Follower } from './follow';
import { lineFollower } from './follow-lines';
import { liveFollower } from './follow-live';
import type { Io } from './io';
import type { RunDetailJson } from './shapes';

/** How a run is shown while it goes on: drawn on a terminal or in lines; as lines of JSON; or not at all. */
export type View = 'text' | 'json' | 'silent';

/** What shows a run while it goes on. */
export async function follower(io: Io, client: Client, runId: string, view: View): Promise<Follower> {
  if (view === 'silent') return { entry: () => undefined };
  if (view === 'json') return { entry: (_entry, _detail, raw) => io.out(`${raw}\n`) };
  const run = await client.get<RunDetailJson>(`/runs/${runId}`);
  const steps = run.steps.map(({ name }) => name);
  return io.terminal ? await liveFollower(io, steps) : lineFollower(io, steps);
}
