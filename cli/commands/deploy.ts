import { RUN_MS } from '../client';
import { deployApi, type DeployOptions } from '../deploy-api';
import type { DeployRequestJson, LossJson, RenameJson, TextJson, WouldChangeJson } from '../deploy-shapes';
import { diffText, lintText, plannedText, requestsTable, requestText } from '../deploy-text';
import { Exit } from '../exit';
import type { Io } from '../io';
import { printJson } from '../registration';
import { fields } from '../text';

export interface ListOptions extends DeployOptions {
  readonly state?: string;
  readonly branch?: string;
  readonly limit: number;
}
export interface CreateOptions extends DeployOptions {
  readonly into?: string;
  readonly notes?: string;
  readonly autoApply?: boolean;
  readonly deleteBranch?: boolean;
  readonly rename?: readonly RenameJson[];
  readonly dryRun?: boolean;
  readonly wait: boolean;
}
export interface ReviewOptions extends DeployOptions {
  readonly comment?: string;
}

/** Milliseconds that one request waits for a check, which the API may bound lower. */
const CHECK_MS = RUN_MS;

/** `gatewright deploy list DATABASE` */
export async function list(io: Io, options: ListOptions, database: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.database(database);
  const { state, branch, limit } = options;
  const query = { state, branch };
  const requests = await api.all<DeployRequestJson>(api.path(database, 'deploy-requests'), query, limit);
  if (options.output === 'json') printJson(io, { deploy_requests: requests });
  else if (requests.length === 0)
    io.out(`No deploy requests. gatewright deploy create ${database} BRANCH opens one.\n`);
  else io.out(requestsTable(io, requests));
  return Exit.ok;
}

/** `gatewright deploy get DATABASE REQUEST` */
export async function get(io: Io, options: DeployOptions, database: string, which: string): Promise<Exit> {
  return print(io, options, database, await deployApi(io, options).requestNamed(database, which));
}

/** `gatewright deploy create DATABASE BRANCH`; exits 1 where it cannot be deployed. */
export async function create(io: Io, options: CreateOptions, database: string, branch: string): Promise<Exit> {
  const api = deployApi(io, options);
  await api.branchNamed(database, branch);
  const { into, notes, autoApply, deleteBranch, rename } = options;
  const body = {
    branch,
    ...(into && { into_branch: into }),
    ...(notes && { notes }),
    ...(autoApply && { auto_cutover: true }),
    ...(deleteBranch && { auto_delete_branch: true }),
    ...(rename && { renames: rename }),
  };
  const path = api.path(database, 'deploy-requests');
  if (options.dryRun) {
    const answer = await api.client.post<WouldChangeJson>(path, {
      body,
      query: { dry_run: 'true' },
      timeoutMs: RUN_MS,
    });
    return wouldChange(io, options, answer.body);
  }
  let { body: request } = await api.client.post<DeployRequestJson>(path, { body });
  const left = io.interrupted();
  while (options.wait && request.deployment_state === 'pending' && !left.aborted)
    request = await api.client.get(api.request(database, request.number), { wait: 'ready' }, CHECK_MS);
  print(io, options, database, request);
  if (left.aborted) return Exit.interrupted;
  return request.deployment_state === 'error' ? Exit.failed : Exit.ok;
}

function wouldChange(io: Io, { output }: DeployOptions, would: WouldChangeJson): Exit {
  const { branch, into_branch, deploy_operations, lint_errors, lint_warnings, diff } = would;
  if (output === 'json') printJson(io, would);
  else if (deploy_operations.length === 0) io.out(`${branch} changes nothing of ${into_branch}.\n`);
  else {
    const lint = [...lint_errors, ...lint_warnings];
    io.out(plannedText(io, deploy_operations));
    io.out(`\n${diffText(io, diff)}`);
    if (lint.length > 0) io.out(`\n${lintText(io, lint)}`);
  }
  return lint_errors.length > 0 ? Exit.failed : Exit.ok;
}

/** `gatewright deploy diff DATABASE REQUEST` */
export async function diff(io: Io, options: DeployOptions, database: string, which: string): Promise<Exit> {
  const api = deployApi(io, options);
  const { number } = await api.requestNamed(database, which);
  const { data } = await api.client.get<{ data: TextJson[] }>(api.request(database, number, 'diff'));
  if (options.output === 'json') printJson(io, { diff: data });
  else io.out(data.length === 0 ? 'No changes.\n' : diffText(io, data));
  return Exit.ok;
}

/** `gatewright deploy approve DATABASE REQUEST` */
export async function approve(io: Io, options: ReviewOptions, database: string, which: string): Promise<Exit> {
  return await review(io, options, [database, which], 'approved');
}

/** `gatewright deploy comment DATABASE REQUEST --comment TEXT` */
export async function comment(io: Io, options: ReviewOptions, database: string, which: string): Promise<Exit> {
  return await review(io, options, [database, which], 'commented');
}

async function review(
  io: Io,
  options: ReviewOptions,
  [database, which]: readonly [string, string],
  state: 'approved' | 'commented',
): Promise<Exit> {
  const api = deployApi(io, options);
  const { number } = await api.requestNamed(database, which);
  const body = { state, body: options.comment ?? '' };
  const { body: said } = await api.client.post(api.request(database, number, 'reviews'), { body });
  if (options.output === 'json') printJson(io, said);
  else io.out(`${database} #${number} is ${state === 'approved' ? 'approved' : 'commented on'}.\n`);
  return Exit.ok;
}

/** `gatewright deploy losses DATABASE REQUEST`: what a revert would not bring back; exits 1 where there is anything. */
export async function losses(io: Io, options: DeployOptions, database: string, which: string): Promise<Exit> {
  const api = deployApi(io, options);
  const { number } = await api.requestNamed(database, which);
  const path = api.request(database, number, 'losses');
  const { data } = await api.client.get<{ data: LossJson[] }>(path, {}, RUN_MS);
  if (options.output === 'json') printJson(io, { losses: data });
  else if (data.length === 0) io.out('A revert loses nothing.\n');
  else io.out(lossesText(io, data));
  return data.length === 0 ? Exit.ok : Exit.failed;
}

function lossesText(io: Io, all: readonly LossJson[]): string {
  return fields(
    io,
    all.map(({ table, column, message }) => [column === null ? table : `${table}.${column}`, message, 'yellow']),
  );
}

function print(io: Io, { output }: DeployOptions, database: string, request: DeployRequestJson): Exit {
  if (output === 'json') printJson(io, request);
  else io.out(requestText(io, database, request));
  return Exit.ok;
}
