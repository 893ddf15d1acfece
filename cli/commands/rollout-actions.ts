import type { DeployOptions } from '../deploy-api';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';
import type { RolloutApi } from '../rollout-api';
import { followRollout } from '../rollout-follow';
import { exitOf, outlook, type Awaited } from '../rollout-outcome';
import { isUnreadable, type ApplyJson, type RolloutNow } from '../rollout-shapes';
import { countedText, rolloutText } from '../rollout-text';
import { rolloutView } from '../rollout-view';
import { rolloutApi, type WatchOptions } from './rollout';

export interface ActOptions extends WatchOptions {
  readonly wait?: boolean;
}
export interface CutoverOptions extends ActOptions {
  readonly force?: boolean;
}
export interface RevertOptions extends ActOptions {
  readonly acceptLosses?: boolean;
}
export interface OverrideOptions extends DeployOptions {
  readonly reason: string;
}

/** What the API says of a command beside the rollout. */
interface Counted extends ApplyJson {
  readonly stopped_count?: number;
  readonly started_count?: number;
  readonly released_count?: number;
  readonly skipped_count?: number;
}

/** `gatewright rollout stop DATABASE ROLLOUT` */
export const stop = does('stop', 'stop');
/** `gatewright rollout start DATABASE ROLLOUT`: lets go on what was stopped. */
export const start = does('start');
/** `gatewright rollout pause DATABASE ROLLOUT` */
export const pause = does('pause');
/** `gatewright rollout release DATABASE ROLLOUT` */
export const release = does('release');
/** `gatewright rollout cutover DATABASE ROLLOUT` */
export const cutover = does('cutover', 'cutover', ({ force }: CutoverOptions) => (force ? { force: true } : {}));
/** `gatewright rollout cancel DATABASE ROLLOUT` */
export const cancel = does('cancel', 'cancel');
/** `gatewright rollout revert DATABASE ROLLOUT` */
export const revert = does('revert', 'revert', ({ acceptLosses }: RevertOptions) =>
  acceptLosses ? { accept_losses: true } : {},
);
/** `gatewright rollout skip-revert DATABASE ROLLOUT` */
export const skipRevert = does('skip-revert', 'skip-revert');

/** `gatewright rollout volume DATABASE ROLLOUT VOLUME` */
export async function volume(io: Io, options: DeployOptions, ...args: string[]): Promise<Exit> {
  const [database, which, loud] = args as [string, string, string];
  const api = rolloutApi(io, options, database);
  const { number } = await api.named(which);
  return await tell(io, options, api, await post(api, number, 'volume', { volume: Number(loud) }));
}

/** `gatewright rollout override DATABASE ROLLOUT ENVIRONMENT --reason WHY` */
export async function override(io: Io, options: OverrideOptions, ...args: string[]): Promise<Exit> {
  const [database, which, environment] = args as [string, string, string];
  const api = rolloutApi(io, options, database);
  const { number } = await api.named(which);
  const body = { environment, reason: options.reason };
  return await tell(io, options, api, await post(api, number, 'override', body));
}

/** `gatewright rollout retry DATABASE ROLLOUT [DEPLOYMENT]` */
export async function retry(io: Io, options: DeployOptions, ...args: string[]): Promise<Exit> {
  const [database, which, deployment] = args as [string, string, string?];
  const api = rolloutApi(io, options, database);
  const { number } = await api.named(which);
  const body = deployment === undefined ? {} : { operation_id: await operationOf(api, number, deployment) };
  return await tell(io, options, api, await post(api, number, 'retry', body));
}

async function operationOf(api: RolloutApi, number: number, deployment: string): Promise<string> {
  const { operations } = await api.now(number);
  const found = operations.find((row) => !isUnreadable(row) && row.deployment === deployment);
  if (found) return found.id;
  const title = `Rollout ${api.database} #${number} has no deployment ${deployment}`;
  throw new CliProblem({ title, code: 'NOT_FOUND' }, [`gatewright rollout show ${api.database} ${number}`]);
}

/** A command that does one thing with a rollout, and waits for what it is for where it is for something. */
function does<Options extends ActOptions>(
  verb: ApplyJson['allowed'][number],
  awaited?: Awaited,
  bodyOf: (options: Options) => object = () => ({}),
) {
  return async (io: Io, options: Options, database: string, which: string): Promise<Exit> => {
    const api = rolloutApi(io, options, database);
    const { number } = await api.named(which);
    const asked = await post(api, number, verb, bodyOf(options)).catch((error: unknown) => {
      throw withHints(error, database, number);
    });
    if (!awaited || !options.wait) return await tell(io, options, api, asked);
    const how = options.output === 'json' ? 'silent' : options.plain ? 'plain' : 'text';
    const view = rolloutView(io, `${database} #${number}`, how);
    const isOver = outlook(awaited);
    isOver(asked);
    const over = ({ apply }: RolloutNow): boolean => isOver(apply);
    const now = await followRollout(io, { api, number, view, over, since: asked.resource_version });
    if (options.output === 'json') printJson(io, now.apply);
    else io.out(`\n${now.apply.says}.\n`);
    return exitOf(awaited, now.apply);
  };
}

/** A revert that loses something can be asked for nevertheless. */
function withHints(error: unknown, database: string, number: number): unknown {
  if (!(error instanceof CliProblem) || error.document.code !== 'REVERT_LOSES') return error;
  const losses = `gatewright deploy losses ${database} ${number}    to see what`;
  return new CliProblem(error.document, [losses, '--accept-losses    to revert nevertheless'], error.exit);
}

async function post(api: RolloutApi, number: number, verb: string, body: object): Promise<Counted> {
  return (await api.client.post<Counted>(api.path(number, verb), { body })).body;
}

async function tell(io: Io, { output }: DeployOptions, api: RolloutApi, asked: Counted): Promise<Exit> {
  if (output === 'json') {
    printJson(io, asked);
    return Exit.ok;
  }
  const skipped = asked.skipped_count ?? 0;
  if (asked.stopped_count !== undefined) io.out(countedText(asked.stopped_count, 'stopped', skipped));
  if (asked.started_count !== undefined) io.out(countedText(asked.started_count, 'started', skipped));
  if (asked.released_count !== undefined) io.out(countedText(asked.released_count, 'released', skipped));
  io.out(rolloutText(io, await api.now(asked.number)));
  return Exit.ok;
}
