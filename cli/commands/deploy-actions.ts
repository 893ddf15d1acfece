import type { DeployAction } from '../../domain/deploy/actions';
import { deployApi, ratioOf, type DeployOptions } from '../deploy-api';
import { followRequest, type Following } from '../deploy-follow';
import { exitOf, type Awaited } from '../deploy-outcome';
import type { DeployRequestJson } from '../deploy-shapes';
import { requestText } from '../deploy-text';
import { requestView } from '../deploy-view';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';

export interface ActOptions extends DeployOptions {
  readonly wait: boolean;
}
export interface StartOptions extends ActOptions {
  readonly instant?: boolean;
  readonly strategy?: 'serial' | 'parallel';
}
export interface RevertOptions extends ActOptions {
  readonly acceptLosses?: boolean;
}

/** `gatewright deploy start DATABASE REQUEST` */
export const start = does('deploy', 'start', ({ instant, strategy }: StartOptions) => ({
  instant_ddl: instant ?? false,
  ...(strategy !== undefined && { strategy }),
}));
/** `gatewright deploy apply DATABASE REQUEST` */
export const apply = does('apply-deploy', 'apply');
/** `gatewright deploy force DATABASE REQUEST`: ends who blocks the cut-over. */
export const force = does('force-cutover', 'apply');
/** `gatewright deploy cancel DATABASE REQUEST` */
export const cancel = does('cancel', 'cancel');
/** `gatewright deploy skip-revert DATABASE REQUEST` */
export const skipRevert = does('skip-revert', 'skip-revert');
/** `gatewright deploy complete DATABASE REQUEST`: frees the place of one that has failed. */
export const complete = does('complete-deploy', 'complete-deploy');
/** `gatewright deploy revert DATABASE REQUEST` */
export const revert = does('revert', 'revert', ({ acceptLosses }: RevertOptions) => ({
  accept_losses: acceptLosses ?? false,
}));

/** A command that does one thing with a request and waits for what it is for. */
function does<Options extends ActOptions>(
  action: DeployAction,
  command: Awaited,
  bodyOf: (options: Options) => object = () => ({}),
) {
  return async (io: Io, options: Options, database: string, which: string): Promise<Exit> => {
    const api = deployApi(io, options);
    const { number } = await api.requestNamed(database, which);
    const path = api.request(database, number, action);
    const asked = api.client.post<DeployRequestJson>(path, { body: bodyOf(options) });
    const { body } = await asked.catch((error: unknown) => {
      throw withHints(error, database, number);
    });
    const followed = { api, database, number, from: body.deployment_state };
    if (options.wait) return await follow(io, followed, options, command);
    tell(io, options, database, body);
    return Exit.ok;
  };
}

/** A revert that loses something can be asked for nevertheless. */
function withHints(error: unknown, database: string, number: number): unknown {
  if (!(error instanceof CliProblem) || error.document.code !== 'REVERT_LOSES') return error;
  const losses = `gatewright deploy losses ${database} ${number}    to see what`;
  return new CliProblem(error.document, [losses, '--accept-losses    to revert nevertheless'], error.exit);
}

/** `gatewright deploy watch DATABASE REQUEST` */
export async function watch(io: Io, options: DeployOptions, database: string, which: string): Promise<Exit> {
  const api = deployApi(io, options);
  const { number } = await api.requestNamed(database, which);
  try {
    return await follow(io, { api, database, number }, options, 'watch');
  } catch (error) {
    // Whoever watches leaves when there is enough seen.
    if (error instanceof CliProblem && error.exit === Exit.interrupted) return Exit.ok;
    throw error;
  }
}

type Followed = Omit<Following, 'command' | 'view'>;

async function follow(io: Io, followed: Followed, options: DeployOptions, command: Awaited): Promise<Exit> {
  const isJson = options.output === 'json';
  const how = !isJson ? 'text' : command === 'watch' ? 'json' : 'silent';
  const view = requestView(io, followed.database, how);
  const request = await followRequest(io, { ...followed, command, view });
  if (how === 'text') io.out('\n');
  if (how !== 'json') tell(io, options, followed.database, request);
  return exitOf(command, request.deployment_state);
}

/** `gatewright deploy close DATABASE REQUEST` */
export async function close(io: Io, options: DeployOptions, database: string, which: string): Promise<Exit> {
  const api = deployApi(io, options);
  const { number } = await api.requestNamed(database, which);
  const { body } = await api.client.patch<DeployRequestJson>(api.request(database, number), {
    body: { state: 'closed' },
  });
  if (options.output === 'json') printJson(io, body);
  else io.out(`${database} #${number} is closed.\n`);
  return Exit.ok;
}

/** `gatewright deploy throttle DATABASE REQUEST [RATIO]` */
export async function throttle(io: Io, options: DeployOptions, ...args: string[]): Promise<Exit> {
  const [database, which, text] = args as [string, string, string?];
  const ratio = text === undefined ? undefined : ratioOf(text);
  const api = deployApi(io, options);
  const { number } = await api.requestNamed(database, which);
  if (ratio !== undefined)
    await api.client.put(api.request(database, number, 'throttle'), { body: { throttle_ratio: ratio } });
  const now = await api.client.get<{ throttle_ratio: number; throttle: string }>(
    api.request(database, number, 'throttler'),
  );
  if (options.output === 'json') printJson(io, { number, ratio: now.throttle_ratio, throttle: now.throttle });
  else io.out(`${database} #${number}: ${now.throttle}\n`);
  return Exit.ok;
}

/** `gatewright deploy auto-apply DATABASE REQUEST on|off` */
export async function autoApply(io: Io, options: DeployOptions, ...args: string[]): Promise<Exit> {
  const [database, which, wanted] = args as [string, string, 'on' | 'off'];
  const api = deployApi(io, options);
  const { number } = await api.requestNamed(database, which);
  const path = api.request(database, number, 'auto-apply');
  const { body } = await api.client.put<DeployRequestJson>(path, { body: { enable: wanted === 'on' } });
  tell(io, options, database, body);
  return Exit.ok;
}

function tell(io: Io, { output }: DeployOptions, database: string, request: DeployRequestJson): void {
  if (output === 'json') printJson(io, request);
  else io.out(requestText(io, database, request));
}
