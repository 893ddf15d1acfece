import { Client } from '../client';
import { connect } from '../connection';
import { followStream } from '../event-stream';
import { Exit } from '../exit';
import type { Io } from '../io';
import { printJson, type CommonOptions } from '../registration';
import { stateColour } from '../run-text';
import type { Page, RunJson } from '../shapes';
import { table, type Column } from '../table';
import { ago, connectionText, duration, words } from '../text';

export interface RunsOptions extends CommonOptions {
  readonly organization?: string;
  readonly kind?: string;
  readonly state?: string;
  readonly needsAttention?: boolean;
  readonly limit: number;
  readonly watch?: boolean;
}

/** The API's largest page. */
const PAGE = 100;

/** `gatewright runs` */
export async function runs(io: Io, options: RunsOptions): Promise<Exit> {
  const client = new Client(connect(io, options));
  if (options.watch) return await watch(io, client, options);
  const all = await list(client, options);
  if (options.output === 'json') printJson(io, { runs: all });
  else if (all.length === 0) io.out('No runs.\n');
  else io.out(runsTable(io, all));
  return Exit.ok;
}

async function list(client: Client, options: RunsOptions): Promise<RunJson[]> {
  const all: RunJson[] = [];
  let token: string | undefined;
  do {
    const page = await client.get<Page & { runs: RunJson[] }>('/runs', {
      organization: options.organization,
      kind: options.kind,
      state: options.state,
      needs_attention: options.needsAttention ? 'true' : undefined,
      page_size: String(Math.min(PAGE, options.limit - all.length)),
      page_token: token,
    });
    all.push(...page.runs);
    token = page.next_page_token ?? undefined;
  } while (token !== undefined && all.length < options.limit);
  return all;
}

function runsTable(io: Io, all: readonly RunJson[]): string {
  const now = io.now();
  const columns: Column<RunJson>[] = [
    { head: 'run', cell: (run) => run.id },
    { head: 'state', cell: (run) => words(run.state), colour: (run) => stateColour(run.state) },
    { head: 'began', cell: (run) => ago(run.started_at, now) },
    { head: 'took', align: 'right', spare: 1, cell: took },
    { head: 'organization', spare: 3, cell: (run) => run.organization_id },
    { head: 'error', spare: 2, cell: (run) => run.error?.code ?? '' },
  ];
  return table(io, columns, all);
}

function took(run: RunJson): string {
  return run.ended_at === null ? '' : duration(Date.parse(run.ended_at) - Date.parse(run.started_at));
}

/** Shows the list again whenever a run has changed: drawn anew on a terminal, else a line for each run that changed. */
async function watch(io: Io, client: Client, options: RunsOptions): Promise<Exit> {
  const draw = drawer(io, options.output);
  const show = latestOnly(async () => draw(await list(client, options)));
  const stream = followStream(client, '/events', {
    signal: io.interrupted(),
    // Only now is nothing lost between the list and the first event.
    onOpen: () => show(),
    onConnection: (up) => io.err(`${connectionText(up)}\n`),
  });
  let showing: Promise<void> = Promise.resolve();
  let failure: unknown;
  for await (const { event } of stream) {
    if (failure !== undefined) throw failure as Error;
    if (event === 'run.state') showing = show().catch((error: unknown) => (failure = error) as undefined);
  }
  await showing;
  return Exit.ok;
}

function drawer(io: Io, output: RunsOptions['output']): (all: readonly RunJson[]) => void {
  const shown = new Map<string, string>();
  let lines = 0;
  return (all) => {
    const changed = all.filter((run) => shown.get(run.id) !== JSON.stringify(run)).reverse();
    for (const run of changed) shown.set(run.id, JSON.stringify(run));
    if (output === 'json') return changed.forEach((run) => printJson(io, run));
    if (!io.terminal) return changed.forEach((run) => io.out(runLine(run)));
    const text = `${all.length === 0 ? 'No runs yet.\n' : runsTable(io, all)}\nCtrl-C to leave\n`;
    io.out(`${lines === 0 ? '' : `\u001b[${lines}A\u001b[J`}${text}`);
    lines = text.split('\n').length - 1;
  };
}

function runLine(run: RunJson): string {
  return `${[run.ended_at ?? run.started_at, run.id, words(run.state), run.error?.code ?? ''].join('  ').trimEnd()}\n`;
}

/** Calls something again once it is done when it was asked for meanwhile, however often. */
function latestOnly(work: () => Promise<void>): () => Promise<void> {
  let under: Promise<void> | undefined;
  let again = false;
  return () => {
    again = true;
    under ??= (async () => {
      while (again) {
        again = false;
        await work();
      }
    })().finally(() => (under = undefined));
    return under;
  };
}
