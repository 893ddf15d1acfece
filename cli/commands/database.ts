import { deployApi, ratioOf, type DeployApi, type DeployOptions } from '../deploy-api';
import type { DatabaseJson } from '../deploy-shapes';
import { resourceColour } from '../deploy-text';
import { Exit } from '../exit';
import { confirmed } from '../fleet-change';
import type { Io } from '../io';
import { usage } from '../problem';
import { printJson } from '../registration';
import { table, type Column } from '../table';
import { ago, count, duration, fields, moment, type Field } from '../text';

interface MakeOptions extends DeployOptions {
  readonly kind: string;
  readonly branch?: string;
  readonly notes?: string;
  readonly wait: boolean;
}
export interface AddOptions extends MakeOptions {
  readonly secret: string;
  readonly schema: string;
}
export interface RemoveOptions extends DeployOptions {
  readonly yes?: boolean;
}
export interface SetOptions extends DeployOptions {
  readonly rename?: string;
  readonly defaultBranch?: string;
  readonly notes?: string;
  readonly requireApproval?: boolean;
  readonly ownApproval?: boolean;
  readonly foreignKeys?: boolean;
  readonly protected?: boolean;
  readonly revertWindow?: number;
  readonly throttle?: string;
  readonly environments?: readonly string[];
  readonly onFailure?: string;
  readonly cutover?: string;
  readonly copies?: number;
  readonly revertTogether?: boolean;
}

/** `gatewright database list` */
export async function list(io: Io, options: DeployOptions): Promise<Exit> {
  const api = deployApi(io, options);
  const databases = await api.all<DatabaseJson>(api.path());
  if (options.output === 'json') printJson(io, { databases });
  else if (databases.length === 0) io.out('No databases. gatewright database create NAME makes one.\n');
  else io.out(databasesTable(io, databases));
  return Exit.ok;
}

function databasesTable(io: Io, databases: readonly DatabaseJson[]): string {
  const columns: Column<DatabaseJson>[] = [
    { head: 'database', cell: ({ name }) => name },
    { head: 'kind', cell: ({ kind }) => kind },
    { head: 'state', cell: ({ resource_state }) => resource_state, colour: resourceColour },
    { head: 'branches', align: 'right', cell: ({ branches_count }) => String(branches_count) },
    { head: 'made', spare: 1, cell: ({ created_at }) => ago(created_at, io.now()) },
    { head: 'notes', spare: 2, cell: ({ notes }) => notes.split('\n')[0]!.slice(0, 60) },
  ];
  return table(io, columns, databases);
}

/** `gatewright database get NAME` */
export async function get(io: Io, options: DeployOptions, name: string): Promise<Exit> {
  return print(io, options, await deployApi(io, options).database(name));
}

/** `gatewright database create NAME` */
export async function create(io: Io, options: MakeOptions, name: string): Promise<Exit> {
  return await make(io, options, name, {});
}

/** `gatewright database add NAME` */
export async function add(io: Io, options: AddOptions, name: string): Promise<Exit> {
  return await make(io, options, name, { adopt: { server: options.secret, schema: options.schema } });
}

async function make(io: Io, options: MakeOptions, name: string, more: object): Promise<Exit> {
  const api = deployApi(io, options);
  const { kind, branch, notes, wait } = options;
  const { body } = await api.client.post<DatabaseJson>(api.path(), {
    body: { name, kind, ...(branch && { default_branch: branch }), ...(notes && { notes }), ...more },
  });
  return print(io, options, wait ? await api.ready(io, `Database ${name}`, () => api.database(name)) : body);
}

/** `gatewright database set NAME` */
export async function set(io: Io, options: SetOptions, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  const ratio = options.throttle === undefined ? undefined : ratioOf(options.throttle);
  const body = {
    ...{ new_name: options.rename, default_branch: options.defaultBranch, notes: options.notes },
    ...{ require_approval_for_deploy: options.requireApproval, allow_own_approval: options.ownApproval },
    ...{ allow_foreign_key_constraints: options.foreignKeys, deletion_protected: options.protected },
    revert_window_seconds: options.revertWindow,
    rollout: rolloutOf(options),
  };
  const changes = Object.values(body).some((value) => value !== undefined);
  if (!changes && ratio === undefined) throw usage('nothing to set', 'gatewright database set --help');
  await api.database(name);
  if (ratio !== undefined) await throttle(api, name, ratio);
  if (changes) await api.client.patch<DatabaseJson>(api.path(name), { body });
  return print(io, options, await api.database(options.rename ?? name));
}

/** What is to be set of its rollouts; undefined where nothing is. */
function rolloutOf({ environments, onFailure, cutover, copies, revertTogether }: SetOptions): object | undefined {
  const set = { environments, on_failure: onFailure, cutover, copies, revert_together: revertTogether };
  return Object.values(set).some((value) => value !== undefined) ? set : undefined;
}

async function throttle(api: DeployApi, name: string, ratio: number): Promise<void> {
  await api.client.patch(api.path(name, 'throttler'), { body: { ratio: Math.round(ratio * 100) } });
}

/** `gatewright database remove NAME` */
export async function remove(io: Io, options: RemoveOptions, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  const { branches_count: branches } = await api.database(name);
  const question = `Remove database ${name} with ${count(branches, 'branch', 'branches')}? Schemas that were there before Gatewright stay.`;
  if (!(await confirmed(io, question, options))) return Exit.failed;
  await api.remove(api.path(name));
  if (options.output === 'json') printJson(io, { name, removed: true });
  else io.out(`Database ${name} is removed.\n`);
  return Exit.ok;
}

function print(io: Io, { output }: DeployOptions, database: DatabaseJson): Exit {
  if (output === 'json') printJson(io, database);
  else io.out(databaseText(io, database));
  return Exit.ok;
}

function databaseText(io: Io, database: DatabaseJson): string {
  const yes = (flag: boolean): string => (flag ? 'yes' : 'no');
  const approval = database.allow_own_approval ? 'yes' : 'yes, of somebody else';
  return fields(io, [
    ['database', database.name],
    ['kind', database.kind],
    ['state', database.resource_state, resourceColour(database)],
    ['default branch', database.default_branch],
    ['branches', String(database.branches_count)],
    ['approval needed', database.require_approval_for_deploy ? approval : 'no'],
    ['foreign keys', database.foreign_keys_enabled ? 'allowed' : 'not allowed'],
    ['revert', `for ${duration(database.revert_window_seconds * 1_000)} after a deploy`],
    ...rolloutFields(database),
    ['protected', yes(database.deletion_protected)],
    ['made', moment(database.created_at)],
    ['notes', database.notes || undefined],
  ]);
}

/** How its deploy requests go over its deployments. */
function rolloutFields({ rollout }: DatabaseJson): Field[] {
  if (!rollout) return [];
  const { environments, on_failure: onFailure, cutover, copies } = rollout;
  return [
    ['environments', environments.join(', then ') || undefined],
    [
      'deployments',
      `${cutover === 'barrier' ? `${copies} copy at once` : 'one after another'}, on failure ${onFailure}`,
    ],
  ];
}
