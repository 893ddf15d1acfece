import { RUN_MS } from '../client';
import { deployApi, type DeployOptions } from '../deploy-api';
import type { BranchJson, LintJson, PasswordJson, TextJson } from '../deploy-shapes';
import { diffText, lintText, resourceColour } from '../deploy-text';
import { Exit } from '../exit';
import { confirmed } from '../fleet-change';
import type { Io } from '../io';
import { printJson } from '../registration';
import { table, type Column } from '../table';
import { ago, fields, moment, paint, tame } from '../text';

export interface CreateOptions extends DeployOptions {
  readonly from?: string;
  readonly wait: boolean;
}
export interface DeleteOptions extends DeployOptions {
  readonly yes?: boolean;
  readonly descendants?: boolean;
}
export interface PasswordOptions extends DeployOptions {
  readonly name?: string;
  readonly role: string;
  readonly ttl?: number;
}

/** `gatewright branch list DATABASE` */
export async function list(io: Io, options: DeployOptions, database: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.database(database);
  const branches = await api.all<BranchJson>(api.path(database, 'branches'));
  if (options.output === 'json') printJson(io, { branches });
  else io.out(branchesTable(io, branches));
  return Exit.ok;
}

function branchesTable(io: Io, branches: readonly BranchJson[]): string {
  const columns: Column<BranchJson>[] = [
    { head: 'branch', cell: ({ name }) => name },
    { head: 'from', cell: ({ parent_branch }) => parent_branch ?? '' },
    { head: 'state', cell: ({ resource_state }) => resource_state, colour: resourceColour },
    { head: 'schema', spare: 2, cell: ({ schema_name }) => schema_name },
    { head: 'production', cell: ({ production }) => (production ? 'yes' : '') },
    { head: 'safe migrations', cell: ({ safe_migrations }) => (safe_migrations ? 'yes' : '') },
    { head: 'by', spare: 3, cell: ({ actor }) => actor.display_name },
    { head: 'made', spare: 1, cell: ({ created_at }) => ago(created_at, io.now()) },
  ];
  return table(io, columns, branches);
}

/** `gatewright branch get DATABASE BRANCH` */
export async function get(io: Io, options: DeployOptions, database: string, name: string): Promise<Exit> {
  return print(io, options, await deployApi(io, options).branchNamed(database, name));
}

/** `gatewright branch create DATABASE BRANCH` */
export async function create(io: Io, options: CreateOptions, database: string, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.database(database);
  const { body } = await api.client.post<BranchJson>(api.path(database, 'branches'), {
    body: { name, ...(options.from && { parent_branch: options.from }) },
  });
  const look = (): Promise<BranchJson> => api.branchNamed(database, name);
  return print(io, options, options.wait ? await api.ready(io, `Branch ${name}`, look) : body);
}

/** `gatewright branch delete DATABASE BRANCH` */
export async function remove(io: Io, options: DeleteOptions, database: string, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.branchNamed(database, name);
  const descendants = options.descendants ? ' and everything made from it' : '';
  if (!(await confirmed(io, `Delete branch ${name} of ${database}${descendants}, with its data?`, options)))
    return Exit.failed;
  await api.remove(api.branch(database, name), options.descendants ? { delete_descendants: 'true' } : {});
  if (options.output === 'json') printJson(io, { name, deleted: true });
  else io.out(`Branch ${name} is deleted.\n`);
  return Exit.ok;
}

/** `gatewright branch schema DATABASE BRANCH` */
export async function schema(io: Io, options: DeployOptions, database: string, name: string): Promise<Exit> {
  const objects = await texts(io, options, database, name, 'schema');
  if (options.output === 'json') printJson(io, { objects });
  else io.out(objects.map(({ raw }) => `${tame(raw)}\n`).join('\n'));
  return Exit.ok;
}

/** `gatewright branch diff DATABASE BRANCH` */
export async function diff(io: Io, options: DeployOptions, database: string, name: string): Promise<Exit> {
  const objects = await texts(io, options, database, name, 'diff');
  if (options.output === 'json') printJson(io, { diff: objects });
  else io.out(objects.length === 0 ? 'No changes since it was made.\n' : diffText(io, objects));
  return Exit.ok;
}

async function texts(io: Io, options: DeployOptions, database: string, name: string, what: 'schema' | 'diff') {
  const api = deployApi(io, options);
  await api.branchNamed(database, name);
  return (await api.client.get<{ data: TextJson[] }>(api.branch(database, name, what))).data;
}

/** `gatewright branch lint DATABASE BRANCH`; exits 1 where something keeps it from being deployed. */
export async function lint(io: Io, options: DeployOptions, database: string, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.branchNamed(database, name);
  const found = await api.all<LintJson>(api.branch(database, name, 'schema', 'lint'));
  if (options.output === 'json') printJson(io, { lint: found });
  else io.out(found.length === 0 ? 'Nothing was found.\n' : lintText(io, found));
  return found.some(({ severity }) => severity === 'error') ? Exit.failed : Exit.ok;
}

/** `gatewright branch promote DATABASE BRANCH`, `demote` likewise */
export const promote = sets('POST', 'promote');
export const demote = sets('POST', 'demote');
/** `gatewright branch protect DATABASE BRANCH`: its tables are changed by deploy requests alone; `unprotect` likewise */
export const protect = sets('POST', 'safe-migrations');
export const unprotect = sets('DELETE', 'safe-migrations');

function sets(method: 'POST' | 'DELETE', what: string) {
  return async (io: Io, options: DeployOptions, database: string, name: string): Promise<Exit> => {
    const api = deployApi(io, options);
    await api.branchNamed(database, name);
    const path = api.branch(database, name, what);
    const branch = method === 'POST' ? (await api.client.post<BranchJson>(path)).body : await api.client.delete(path);
    return print(io, options, branch as BranchJson);
  };
}

/** `gatewright branch password DATABASE BRANCH`: the URL to connect with goes alone to standard output. */
export async function password(io: Io, options: PasswordOptions, database: string, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.branchNamed(database, name);
  const { role, ttl } = options;
  const { body } = await api.client.post<PasswordJson>(api.branch(database, name, 'passwords'), {
    body: { role, ...(options.name && { name: options.name }), ...(ttl !== undefined && { ttl }) },
    timeoutMs: RUN_MS,
  });
  if (options.output === 'json') printJson(io, body);
  else {
    io.err(
      fields(io, [
        ['password', body.id],
        ['branch', `${database} ${name}, schema ${body.schema}`],
        ['role', body.role],
        ['until', body.expires_at === null ? undefined : moment(body.expires_at)],
        ['url', 'to be seen only this once'],
      ]),
    );
    io.out(`${body.url ?? ''}\n`);
  }
  return Exit.ok;
}

/** `gatewright branch passwords DATABASE BRANCH` */
export async function passwords(io: Io, options: DeployOptions, database: string, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.branchNamed(database, name);
  const found = await api.all<PasswordJson>(api.branch(database, name, 'passwords'));
  const columns: Column<PasswordJson>[] = [
    { head: 'id', cell: ({ id }) => id },
    { head: 'name', cell: (each) => each.name },
    { head: 'role', cell: ({ role }) => role },
    { head: 'account', cell: ({ username }) => username },
    { head: 'made', spare: 1, cell: ({ created_at }) => ago(created_at, io.now()) },
    { head: 'until', cell: ({ expires_at }) => (expires_at === null ? '' : ago(expires_at, io.now())) },
  ];
  if (options.output === 'json') printJson(io, { passwords: found });
  else io.out(found.length === 0 ? 'No passwords.\n' : table(io, columns, found));
  return Exit.ok;
}

/** `gatewright branch revoke DATABASE BRANCH PASSWORD` */
export async function revoke(io: Io, options: DeployOptions, ...[database, name, id]: string[]): Promise<Exit> {
  const api = deployApi(io, options);
  const title = `There is no password ${id} of branch ${name} of ${database}`;
  await api.found(title, `gatewright branch passwords ${database} ${name}`, () =>
    api.remove(api.branch(database!, name!, 'passwords', id!)),
  );
  if (options.output === 'json') printJson(io, { id, revoked: true });
  else io.out(`Password ${id} is revoked: its account is gone.\n`);
  return Exit.ok;
}

function print(io: Io, { output }: DeployOptions, branch: BranchJson): Exit {
  if (output === 'json') printJson(io, branch);
  else
    io.out(
      fields(io, [
        ['branch', branch.name],
        ['from', branch.parent_branch ?? undefined],
        ['state', branch.resource_state, resourceColour(branch)],
        ['schema', branch.schema_name],
        ['production', branch.production ? 'yes' : 'no'],
        ['safe migrations', branch.safe_migrations ? 'yes: changed by deploy requests alone' : 'no'],
        ['made', `${moment(branch.created_at)} by ${branch.actor.display_name}`],
      ]),
    );
  if (output !== 'json' && branch.resource_state === 'pending') io.out(paint(io, 'dim', 'It is being made.') + '\n');
  return Exit.ok;
}
