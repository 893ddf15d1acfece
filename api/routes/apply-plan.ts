import type { WouldDeploy, WouldRollOut } from '../../domain/deploy/contract';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import type { DeploymentRecord } from '../../domain/rollout/apply';
import { gatesOf, type Gate } from '../../domain/rollout/gates';
import { lintCodes } from '../../domain/schema/lint-codes';
import type { Rename } from '../../domain/schema/change';
import { token } from '../access';
import type { Deps } from '../deps';
import { mustBeReady } from '../planetscale/lookup';
import { isName } from '../planetscale/names';
import { inspected } from '../planetscale/runs';
import { isError } from '../planetscale/views/lint';
import { RolloutLookup } from '../rollout/lookup';
import { databaseName, planBody } from '../rollout/bodies';
import { applyPlanSchema } from '../rollout/plan-schemas';
import { gateView, settingsView } from '../rollout/views';
import { ok, route, type Route } from '../route';
import { uuid } from '../schemas';
import { z } from '../zod';

/** What is compared with what. */
interface Change {
  readonly branch: BranchRecord;
  readonly into: BranchRecord;
  readonly renames: readonly Rename[];
}

/** What a deploy would do, without doing any of it. */
export function applyPlanRoutes(deps: Deps): Route[] {
  const { store } = deps;
  const lookup = new RolloutLookup(deps);

  const plan = route({
    method: 'post',
    path: '/v1/organizations/{org}/databases/{db}/applies/plan',
    operationId: 'planApply',
    tag: 'rollouts',
    summary: 'Say what a deploy would do on each deployment; nothing is changed',
    access: token('read'),
    params: z.strictObject({ org: uuid, db: databaseName }),
    body: planBody,
    answers: { 200: { description: 'The plan.', schema: applyPlanSchema } },
    failures: ['STATE_CONFLICT', 'DEPLOY_CONFLICT', 'SCHEMA_REFUSED', 'ENGINE_UNAVAILABLE', 'STORE_UNAVAILABLE'],
    async handle({ caller, params, body, gone }) {
      const database = await lookup.database(caller, params);
      const { organizationId, id: databaseId } = database;
      const deployments = await store.rollouts.deployments.list(organizationId, databaseId);
      if (deployments.length === 0)
        throw new Failure(
          'STATE_CONFLICT',
          'the database has one deployment; open a deploy request with dry_run instead',
        );
      const { branch, into, renames } = await changeOf(database, body);
      if (into.name !== database.defaultBranch)
        throw new Failure('STATE_CONFLICT', `only what goes into ${database.defaultBranch} goes over all deployments`);
      mustBeReady(branch);
      mustBeReady(into);
      const look = { at: 'rollout', branchId: branch.id, intoBranchId: into.id, renames } as const;
      const would = await inspected<WouldRollOut>(deps, { organizationId, databaseId, look }, gone);
      return ok(planView({ database, branch: branch.name, into: into.name, deployments, would }));
    },
  });
  return [plan];

  /** @throws Failure NOT_FOUND */
  async function changeOf(database: DatabaseRecord, body: z.infer<typeof planBody>): Promise<Change> {
    const { organizationId, id } = database;
    const { branches, requests } = store.deploys;
    if ('deploy_request' in body) {
      const request = found(await requests.get(organizationId, id, body.deploy_request), 'deploy request');
      const [branch, into] = await Promise.all([
        branches.get(organizationId, id, request.branchId),
        branches.get(organizationId, id, request.intoBranchId),
      ]);
      return { branch: found(branch, 'branch'), into: found(into, 'branch'), renames: request.renames };
    }
    const named = async (name: string): Promise<BranchRecord> =>
      found(isName(name) ? await branches.named(organizationId, id, name) : null, 'branch');
    const [branch, into] = [await named(body.branch), await named(body.into_branch ?? database.defaultBranch)];
    if (branch.id === into.id) throw new Failure('INVALID_INPUT', 'branch: it cannot be deployed into itself.');
    return { branch, into, renames: [] };
  }
}

interface Planned {
  readonly database: DatabaseRecord;
  readonly branch: string;
  readonly into: string;
  readonly deployments: readonly DeploymentRecord[];
  readonly would: WouldRollOut;
}

function planView({ database, branch, into, deployments, would }: Planned): object {
  const { rollout } = database.settings;
  // As it will be when the deploy begins: nothing of it is live anywhere.
  const pending = deployments.map(({ environment }) => ({ environment, state: 'pending' as const }));
  const gates = gatesOf(rollout.environments, pending);
  const places = new Map(deployments.map((deployment, position) => [deployment.id, { deployment, position }]));
  const planned = would.deployments.flatMap((each) => {
    const place = places.get(each.deploymentId);
    return place ? [placeView(each, place, gates.get(place.deployment.environment)!)] : [];
  });
  return {
    branch,
    into_branch: into,
    deployable:
      would.deployments.some(({ operations }) => operations.length > 0) && would.deployments.every(isDeployable),
    settings: settingsView(rollout),
    diff: would.diff.map(({ name, text }) => ({ name, raw: text })),
    deployments: planned,
  };
}

function isDeployable({ error, drift, lint }: WouldDeploy): boolean {
  return error === null && drift.length === 0 && !lint.some(isError);
}

function placeView(
  would: WouldDeploy,
  { deployment, position }: { readonly deployment: DeploymentRecord; readonly position: number },
  gate: Gate,
): object {
  const { id, name, environment } = deployment;
  return {
    ...{ deployment_id: id, deployment: name, environment, position },
    gate: gateView(environment, gate),
    error: would.error,
    drift: would.drift,
    instant_eligible: would.instantEligible,
    bytes_needed: would.bytesNeeded,
    operations: would.operations.map(({ canDropData, ...operation }) => ({ ...operation, can_drop_data: canDropData })),
    lint: would.lint.map(({ code, table, column, message }) => {
      const { severity, remedy } = lintCodes[code];
      return { code, severity, table, column, message: `${message}. ${remedy}` };
    }),
  };
}

function found<T>(thing: T | null, what: string): T {
  if (thing === null) throw new Failure('NOT_FOUND', `There is no such ${what}.`);
  return thing;
}
