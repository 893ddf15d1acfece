import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import type { Settings } from '../../domain/settings';
import type { Replayed, RunHistory } from '../../worker/replay';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem, usage } from '../problem';
import { printJson, type CommonOptions } from '../registration';
import { count, fields, paint, type Field } from '../text';

export interface ReplayOptions extends CommonOptions {
  readonly all?: boolean;
  readonly limit: number;
  readonly save?: string;
}

type Replay = typeof import('../../worker/replay');

/** `gatewright replay WORKFLOW_ID...|FILE...|--all` */
export async function replay(io: Io, options: ReplayOptions, ...given: unknown[]): Promise<Exit> {
  const named = given.flat() as string[];
  if ((named.length === 0) === !options.all)
    throw usage('name runs or files of histories, or give --all', 'gatewright replay --all');
  bringUpToDate();
  const library = require('../../worker/replay') as Replay;
  quieten();
  const json = options.output === 'json';
  let same = 0;
  let different = 0;
  for await (const result of library.replayHistories(histories(io, library, options, named))) {
    if (result.difference) different += 1;
    else same += 1;
    if (json) printJson(io, resultJson(result));
    else io.out(resultText(io, result));
  }
  if (json) return different > 0 ? Exit.failed : Exit.ok;
  const told =
    different === 0 ? 'the present code does the same' : `the present code does something else in ${different}`;
  io.out(`\n${count(same + different, 'history').replace(/historys$/, 'histories')}: ${told}\n`);
  return different > 0 ? Exit.failed : Exit.ok;
}

function resultJson({ workflowId, events, difference }: Replayed): Record<string, unknown> {
  return {
    workflow_id: workflowId,
    events,
    outcome: difference ? 'different' : 'same',
    ...(difference && {
      difference: {
        event_id: difference.eventId ?? null,
        event_type: difference.eventType ?? null,
        message: difference.message,
      },
    }),
  };
}

function resultText(io: Io, { workflowId, events, difference }: Replayed): string {
  if (!difference)
    return `${paint(io, 'green', '✓ same')}       ${workflowId}  ${paint(io, 'dim', count(events, 'event'))}\n`;
  const { eventId, eventType, message } = difference;
  const where = eventId === undefined ? undefined : `event ${eventId} of ${events}${eventType ? `, ${eventType}` : ''}`;
  const told: Field[] = [
    ['at', where],
    ['because', message],
  ];
  return `${paint(io, 'red', '✗ different')}  ${workflowId}\n${fields(io, told, 13)}`;
}

/** The histories that were named, from files and from Temporal; those from Temporal are saved where that is wanted. */
async function* histories(
  io: Io,
  library: Replay,
  options: ReplayOptions,
  named: readonly string[],
): AsyncGenerator<RunHistory> {
  const files = named.filter(isFile);
  for (const file of files) yield library.readHistory(readFile(file), basename(file, '.json'));
  const ids = named.filter((each) => !files.includes(each));
  if (ids.length === 0 && !options.all) return;
  const wanted = options.all ? { newest: options.limit } : { ids };
  if (options.save) mkdirSync(options.save, { recursive: true });
  for await (const history of library.fetchHistories(temporalOf(io, options), wanted)) {
    if (options.save) writeFileSync(join(options.save, `${history.workflowId}.json`), library.historyText(history));
    yield history;
  }
}

function isFile(named: string): boolean {
  return named.endsWith('.json') || named.includes(sep) || existsSync(named);
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const detail = `${file}: ${(error as NodeJS.ErrnoException).code}`;
    throw new CliProblem({ title: 'The file of a history cannot be read', code: 'NO_HISTORY', detail });
  }
}

/** Where Temporal is: TEMPORAL_ADDRESS, or that of the home's environment. */
function temporalOf(io: Io, { home }: ReplayOptions): Settings['temporal'] {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = io.env;
  if (address) return { address, namespace: namespace || 'default' };
  try {
    return (JSON.parse(readFileSync(join(home, 'run', 'settings.json'), 'utf8')) as Settings).temporal;
  } catch {
    throw new CliProblem(
      { title: `No Temporal is known: no environment has been started in ${home}`, code: 'NO_TEMPORAL' },
      [
        'npm start                      to start one',
        '--home DIR                     to name another one',
        'TEMPORAL_ADDRESS=host:port     to name a Temporal elsewhere',
      ],
    );
  }
}

/** The present code is that of the sources: where this program was built from some, what changed is built again. */
function bringUpToDate(): void {
  const build = join(__dirname, '..', '..', '..', 'environment', 'setup', 'build.js');
  if (basename(join(__dirname, '..', '..')) !== 'dist' || !existsSync(build)) return;
  const { ensureBuilt } = require(build) as { ensureBuilt(): boolean };
  if (!ensureBuilt()) throw new CliProblem({ title: 'The present code could not be built', code: 'NO_BUILD' });
}

/** The SDK logs what a replay finds; here it is printed. */
function quieten(): void {
  const { DefaultLogger, Runtime } = require('@temporalio/worker') as typeof import('@temporalio/worker');
  try {
    const telemetryOptions = { logging: { filter: 'off', forward: {} } } as const;
    Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), telemetryOptions });
  } catch {
    // Somebody in this process has installed theirs, which keeps its own logging.
  }
}
