import { RUN_MS } from '../client';
import { deployApi, type DeployOptions } from '../deploy-api';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';
import { RolloutApi } from '../rollout-api';
import { followRollout } from '../rollout-follow';
import { exitOf, outlook } from '../rollout-outcome';
import type { ApplyPlanJson } from '../rollout-shapes';
import { planText, rolloutsTable, rolloutText } from '../rollout-text';
import { rolloutView } from '../rollout-view';

export interface ListOptions extends DeployOptions {
  readonly state?: string;
  readonly limit: number;
}
export interface PlanOptions extends DeployOptions {
  readonly into?: string;
}
export interface WatchOptions extends DeployOptions {
  readonly plain?: boolean;
}

/** The rollouts of a database. @throws CliProblem saying what is missing */
export function rolloutApi(io: Io, options: DeployOptions, database: string): RolloutApi {
  return new RolloutApi(deployApi(io, options), database);
}

/** `gatewright rollout list DATABASE` */
export async function list(io: Io, options: ListOptions, database: string): Promise<Exit> {
  const api = rolloutApi(io, options, database);
  const applies = await api.deploys.found(`There is no database ${database}`, 'gatewright database list', () =>
    api.list({ state: options.state }, options.limit),
  );
  if (options.output === 'json') printJson(io, { applies });
  else if (applies.length === 0)
    io.out(`No rollouts. gatewright deployment add ${database} NAME gives the database another deployment.\n`);
  else io.out(rolloutsTable(io, applies));
  return Exit.ok;
}

/** `gatewright rollout show DATABASE ROLLOUT` */
export async function show(io: Io, options: DeployOptions, database: string, which: string): Promise<Exit> {
  const api = rolloutApi(io, options, database);
  const { number } = await api.named(which);
  const now = await api.now(number);
  if (options.output === 'json') printJson(io, { ...now.apply, operations: now.operations });
  else io.out(rolloutText(io, now));
  return Exit.ok;
}

/** `gatewright rollout plan DATABASE REQUEST`; exits 1 where it cannot be deployed. */
export async function plan(io: Io, options: PlanOptions, database: string, which: string): Promise<Exit> {
  const api = rolloutApi(io, options, database);
  const body = /^\d+$/.test(which)
    ? { deploy_request: Number(which) }
    : { branch: which, ...(options.into && { into_branch: options.into }) };
  const { body: planned } = await api.client.post<ApplyPlanJson>(api.path('plan'), { body, timeoutMs: RUN_MS });
  if (options.output === 'json') printJson(io, planned);
  else io.out(planText(io, planned));
  return planned.deployable ? Exit.ok : Exit.failed;
}

/** `gatewright rollout watch DATABASE ROLLOUT` */
export async function watch(io: Io, options: WatchOptions, database: string, which: string): Promise<Exit> {
  const api = rolloutApi(io, options, database);
  const { number } = await api.begun(which, (waiting) =>
    io.err(`${database} #${waiting} is not rolled out yet: it is checked once more when it has its turn.\n`),
  );
  const how = options.output === 'json' ? 'json' : options.plain ? 'plain' : 'text';
  const view = rolloutView(io, `${database} #${number}`, how);
  try {
    const isOver = outlook('watch');
    const { apply } = await followRollout(io, { api, number, view, over: (now) => isOver(now.apply) });
    if (how !== 'json') io.out(`\n${apply.says}.\n`);
    return exitOf('watch', apply);
  } catch (error) {
    // Whoever watches leaves when there is enough seen.
    if (error instanceof CliProblem && error.exit === Exit.interrupted) return Exit.ok;
    throw error;
  }
}
