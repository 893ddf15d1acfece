import { setTimeout as sleep } from 'node:timers/promises';
import { Client, RUN_MS } from '../client';
import { connect } from '../connection';
import { Exit } from '../exit';
import type { SweepReportJson } from '../fleet-shapes';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson, type CommonOptions } from '../registration';
import { table, type Column } from '../table';
import { count, paint, shorten, tame } from '../text';

export interface SweepOptions extends CommonOptions {
  readonly dryRun?: boolean;
}

type Orphan = SweepReportJson['orphans'][number];
type Lost = SweepReportJson['lost'][number];

/** `gatewright sweep` */
export async function sweep(io: Io, options: SweepOptions): Promise<Exit> {
  const client = new Client(connect(io, options));
  const report = await swept(io, client, options.dryRun === true);
  if (options.output === 'json') printJson(io, report);
  else io.out(reportText(io, report));
  return report.unreachable.length > 0 ? Exit.failed : Exit.ok;
}

/** Asks until the sweep is over: a backend may take longer than a request. */
async function swept(io: Io, client: Client, dryRun: boolean): Promise<SweepReportJson> {
  const signal = io.interrupted();
  while (!signal.aborted) {
    const body = { dry_run: dryRun };
    const answer = await client.post<SweepReportJson | { state: 'running' }>('/v1/sweep', { body, timeoutMs: RUN_MS });
    if (answer.body.state === 'done') return answer.body;
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
  }
  throw new CliProblem(
    { title: 'Not waited for any longer; the sweep goes on', code: 'INTERRUPTED' },
    [],
    Exit.interrupted,
  );
}

function reportText(io: Io, { dry_run: dry, orphans, too_young: young, lost, unreachable }: SweepReportJson): string {
  const parts = [
    section(orphans, dry ? 'would be destroyed' : 'destroyed', 'machine', (all) => machines(io, all)),
    section(young, 'left alone, being too young', 'machine', (all) => machines(io, all)),
    section(lost, `${dry ? 'would be ' : ''}replaced, having no machine any more`, 'replica', (all) =>
      replicas(io, all),
    ),
    ...unreachable.map(({ backend, error }) => {
      const text = tame(`${backend} could not be looked at: ${error.code}  ${error.message}`);
      return `${paint(io, 'red', text)}\n`;
    }),
  ].filter((part) => part !== '');
  if (parts.length === 0)
    return 'Nothing is left over: every machine has its replica, and every replica its machine.\n';
  return `${parts.join('\n')}${dry ? '\nNothing was done.\n' : ''}`;
}

function section<T>(all: readonly T[], what: string, noun: string, text: (all: readonly T[]) => string): string {
  return all.length === 0 ? '' : `${count(all.length, noun)} ${what}:\n${text(all)}`;
}

function machines(io: Io, all: readonly Orphan[]): string {
  const columns: Column<Orphan>[] = [
    { head: 'machine', cell: ({ instance_id }) => shorten(instance_id, 19) },
    { head: 'backend', cell: ({ backend }) => backend },
    { head: 'region', cell: ({ region }) => region },
    { head: 'why', cell: ({ why }) => why },
    { head: 'replica', spare: 1, cell: ({ replica_id }) => replica_id ?? '' },
  ];
  return table(io, columns, all);
}

function replicas(io: Io, all: readonly Lost[]): string {
  const columns: Column<Lost>[] = [
    { head: 'replica', cell: ({ name, replica_id }) => name ?? replica_id },
    { head: 'organization', spare: 1, cell: ({ organization_id }) => organization_id },
  ];
  return table(io, columns, all);
}
