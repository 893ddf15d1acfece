import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Worker } from '@temporalio/worker';
import { DeployWorkflow } from '../domain/deploy/contract';
import { Failure } from '../domain/failures';
import { FleetWorkflow } from '../domain/fleet/contract';
import { RunKind } from '../domain/gateway/contract';
import type { Settings } from '../domain/settings';
import { workflowCode } from './bundle';
import { parseHistory, printHistory, type History } from './history-json';
import { differenceOf, type Difference } from './replay-difference';

/** The history of one run. */
export interface RunHistory {
  readonly workflowId: string;
  readonly history: History;
}

/** What replaying one history has shown. */
export interface Replayed {
  readonly workflowId: string;
  /** How many events the history has. */
  readonly events: number;
  /** Where the present code would have done something else; absent where it does the same. */
  readonly difference?: Difference;
}

/** Replays histories against the present workflow code, one after the other; no server is needed. */
export async function* replayHistories(
  histories: Iterable<RunHistory> | AsyncIterable<RunHistory>,
): AsyncGenerator<Replayed> {
  let present: RunHistory | undefined;
  async function* noted(): AsyncGenerator<RunHistory> {
    for await (const each of histories) {
      present = each;
      yield each;
    }
  }
  for await (const { workflowId, error } of Worker.runReplayHistories(workflowCode(), noted())) {
    const events = present?.history.events ?? [];
    yield { workflowId, events: events.length, ...(error && { difference: differenceOf(error, events) }) };
  }
}

/**
 * Reads a history as `temporal workflow show --output json` and {@link historyText} write it.
 * @param name what messages call it, and the workflow's id where the history does not tell it.
 * @throws Failure INVALID_INPUT
 */
export function readHistory(text: string, name: string): RunHistory {
  try {
    const history = parseHistory(text);
    const started = history.events?.[0]?.workflowExecutionStartedEventAttributes;
    if (!started) throw new TypeError('its first event is not the start of a workflow');
    return { workflowId: started.workflowId || name, history };
  } catch (error) {
    throw new Failure('INVALID_INPUT', `${name} is not the history of a workflow: ${(error as Error).message}`);
  }
}

/** A history as JSON that {@link readHistory} and Temporal's own tools read. */
export function historyText({ history }: RunHistory): string {
  return printHistory(history);
}

/** Which runs' histories to fetch: those with these ids, or the newest of ours. */
export type Wanted = { readonly ids: readonly string[] } | { readonly newest: number };

/**
 * Fetches histories of runs from Temporal.
 * @throws Failure ENGINE_UNAVAILABLE when it does not answer, NOT_FOUND for a run that it does not have (any more).
 */
export async function* fetchHistories(settings: Settings['temporal'], wanted: Wanted): AsyncGenerator<RunHistory> {
  const config = loadClientConnectConfig();
  const address = config.connectionOptions?.address ?? settings.address;
  const options = { ...config.connectionOptions, address, connectTimeout: '5s' } as const;
  const connection = await Connection.connect(options).catch((error: unknown) => {
    throw new Failure('ENGINE_UNAVAILABLE', `Temporal at ${options.address} does not answer.`, { cause: error });
  });
  try {
    const { workflow } = new Client({ connection, namespace: config.namespace ?? settings.namespace });
    const ids = 'ids' in wanted ? wanted.ids : newest(workflow, wanted.newest);
    for await (const workflowId of ids) yield { workflowId, history: await fetchHistory(workflow, workflowId) };
  } finally {
    await connection.close();
  }
}

async function* newest(workflow: Client['workflow'], limit: number): AsyncGenerator<string> {
  const all = [...Object.values(RunKind), ...Object.values(FleetWorkflow), ...Object.values(DeployWorkflow)];
  const types = all.map((type) => `'${type}'`);
  let left = limit;
  for await (const run of workflow.list({
    query: `WorkflowType IN (${types.join(', ')})`,
    pageSize: Math.min(1000, limit),
  })) {
    if (left-- <= 0) return;
    yield run.workflowId;
  }
}

async function fetchHistory(workflow: Client['workflow'], workflowId: string): Promise<RunHistory['history']> {
  try {
    return await workflow.getHandle(workflowId).fetchHistory();
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError' || (error as { code?: unknown }).code === 5)
      throw new Failure('NOT_FOUND', `Temporal has no run ${workflowId} (any more).`);
    throw new Failure('ENGINE_UNAVAILABLE', `Temporal did not give the history of ${workflowId}.`, { cause: error });
  }
}
