import { abortWith } from '../api/signals';
import { planOf } from '../domain/run-plan';
import type { JournalEntry } from '../domain/journal';
import { runDetail, type RunDetail } from '../domain/run-detail';
import { isTerminal, type SagaState } from '../domain/saga';
import type { Client } from './client';
import { followStream } from './event-stream';
import { Exit } from './exit';
import type { Io } from './io';
import { CliProblem } from './problem';
import type { RunDetailJson } from './shapes';

/** Shows a run while it goes on. */
export interface Follower {
  /** The journal has grown by this entry, and with it the run is as `detail` says. `raw` is the entry as the API sent it. */
  entry(entry: JournalEntry, detail: RunDetail, raw: string): void;
  /** The connection to the API was lost, or is there again. */
  connection?(up: boolean): void;
  /** Nothing more comes: the run ended or needs a person. */
  close?(): Promise<void>;
}

/** What a run's stream sends: an entry of the journal with its members in snake case. */
type EntryJson = JournalEntry & {
  readonly run_id: string;
  readonly organization_id: string;
  readonly activity_id?: string;
};

/** An entry as the API sends it, as the journal knows it. */
export function journalEntry(raw: string): JournalEntry {
  const {
    run_id: runId,
    organization_id: organizationId,
    activity_id: activityId,
    ...rest
  } = JSON.parse(raw) as EntryJson;
  return { ...rest, runId, organizationId, ...(activityId !== undefined && { activityId }) } as JournalEntry;
}

/**
 * Follows a run from its beginning until it has ended or needs a person.
 * @returns the run as it then is.
 * @throws CliProblem; with {@link Exit.interrupted} after Ctrl-C, which leaves the run alone.
 */
export async function followRun(io: Io, client: Client, runId: string, follower: Follower): Promise<RunDetailJson> {
  const read = (): Promise<RunDetailJson> => client.get<RunDetailJson>(`/runs/${runId}`);
  const left = new AbortController();
  const interrupted = io.interrupted();
  const leave = abortWith(left, interrupted);
  const { kind } = await read();
  const plan = planOf(kind);
  const entries: JournalEntry[] = [];
  try {
    const stream = followStream(client, `/runs/${runId}/events`, {
      signal: left.signal,
      onConnection: (up) => follower.connection?.(up),
    });
    for await (const { event, data } of stream) {
      if (event === 'end') break;
      const entry = journalEntry(data);
      entries.push(entry);
      follower.entry(entry, runDetail(entries, plan), data);
      // What the stream tells may be long ago: only a run that waits now ends the following.
      if (isState(entry, 'needs_attention') && (await read()).state === 'needs_attention') break;
    }
  } finally {
    leave();
    left.abort();
    await follower.close?.();
  }
  const run = await read();
  if (interrupted.aborted && !isTerminal(run.state))
    throw new CliProblem(
      { title: 'Not followed any longer; the run goes on', code: 'INTERRUPTED', run_id: runId },
      [`gatewright run ${runId} --follow`, `gatewright cancel ${runId}`],
      Exit.interrupted,
    );
  return run;
}

function isState(entry: JournalEntry, state: SagaState): boolean {
  return entry.type === 'run.state' && entry.state === state;
}
