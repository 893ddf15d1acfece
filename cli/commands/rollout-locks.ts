import { deployApi, type DeployOptions } from '../deploy-api';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';
import type { LockJson } from '../rollout-shapes';
import { locksTable, lockText } from '../rollout-text';

export interface LockOptions extends DeployOptions {
  readonly force?: boolean;
  readonly reason?: string;
}

/** `gatewright rollout locks DATABASE` */
export async function list(io: Io, options: DeployOptions, database: string): Promise<Exit> {
  const api = deployApi(io, options);
  const { locks } = await api.found(`There is no database ${database}`, 'gatewright database list', () =>
    api.client.get<{ locks: LockJson[] }>(api.path(database, 'locks')),
  );
  if (options.output === 'json') printJson(io, { locks });
  else if (locks.length === 0) io.out(`No locks: anybody may change the schema of ${database}.\n`);
  else io.out(locksTable(io, locks));
  return Exit.ok;
}

/** `gatewright rollout locks acquire DATABASE [DEPLOYMENT...]` */
export async function acquire(io: Io, options: LockOptions, ...args: string[]): Promise<Exit> {
  const [database, deployments] = read(args);
  const api = deployApi(io, options);
  const { force, reason } = options;
  const body = {
    ...(deployments.length > 0 && { deployments }),
    ...(force && { force: true }),
    ...(reason !== undefined && { reason }),
  };
  const { body: taken } = await asked(database, () =>
    api.client.post<{ lock: LockJson; had: boolean; lost: LockJson[] }>(api.path(database, 'locks'), { body }),
  );
  if (options.output === 'json') printJson(io, taken);
  else io.out(lockText(io, taken.lock, taken.had, taken.lost));
  return Exit.ok;
}

/** `gatewright rollout locks release DATABASE [DEPLOYMENT...]` */
export async function giveBack(io: Io, options: LockOptions, ...args: string[]): Promise<Exit> {
  const [database, deployments] = read(args);
  const api = deployApi(io, options);
  const query = {
    deployments: deployments.length > 0 ? deployments.join(',') : undefined,
    force: options.force ? 'true' : undefined,
    reason: options.reason,
  };
  await asked(database, () => api.client.delete(api.path(database, 'locks'), { query }));
  if (options.output === 'json') printJson(io, { database, released: true });
  else io.out(`The lock of ${deployments.length === 0 ? database : deployments.join(', ')} is given back.\n`);
  return Exit.ok;
}

function read(args: readonly unknown[]): readonly [database: string, deployments: readonly string[]] {
  return [args[0] as string, (args[1] as readonly string[] | undefined) ?? []];
}

/** Somebody else's lock can be taken, by whoever may and says why. */
async function asked<T>(database: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof CliProblem) || error.document.code !== 'LOCK_HELD') throw error;
    const hints = [`gatewright rollout locks ${database}    to see whose it is`, '--force --reason WHY    to take it'];
    throw new CliProblem(error.document, hints, error.exit);
  }
}
