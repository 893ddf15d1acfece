import type { BranchRef, WouldChange, WouldDeploy, WouldRollOut } from '../../domain/deploy/contract';
import { diffTexts } from '../../domain/deploy/texts';
import { Failure, isFailure } from '../../domain/failures';
import type { DeploymentRecord } from '../../domain/rollout/apply';
import type { Rename } from '../../domain/schema/change';
import type { PlannedChange } from '../../domain/schema/plan';
import { foundEverywhere, type Everywhere } from '../deploy/check-deployments';
import { examined, newOperation } from '../deploy/examine';
import type { DeployPorts } from '../deploy/ports';
import { deploymentsOf } from '../deploy/several';
import { branchOf, databaseOf } from './lookup';

/** What trials of a change are known by; nothing is made under it. */
export const TRIAL = 'trial';

/** How many deployments are looked at at once. */
const AT_ONCE = 4;

/**
 * What a request would do on each deployment of its database. One that cannot be looked at says why, and the others are
 * told all the same.
 * @throws Failure STATE_CONFLICT where there are not several; DEPLOY_CONFLICT, SCHEMA_REFUSED
 */
export async function wouldRollOut(
  ports: DeployPorts,
  ref: BranchRef,
  intoBranchId: string,
  renames: readonly Rename[] = [],
): Promise<WouldRollOut> {
  const [database, branch] = [await databaseOf(ports, ref), await branchOf(ports, ref)];
  const into = await branchOf(ports, { ...ref, branchId: intoBranchId });
  const deployments = await deploymentsOf(ports, { database, intoBranch: into.name });
  if (deployments.length === 0) throw new Failure('STATE_CONFLICT', 'it would go to one deployment alone');
  const first = await examined(ports, { database, branch, into, id: TRIAL, instant: false, renames });
  if (first.conflict) throw new Failure(first.conflict.code, first.conflict.message);
  const change = first.change!;
  const own: Omit<WouldDeploy, 'deploymentId'> = {
    ...{ operations: operationsOf(change), lint: first.lint, instantEligible: first.instantEligible },
    ...{ bytesNeeded: first.storage!.bytesNeeded, error: null, drift: [] },
  };
  const trial = { database, schema: into.schema, change, requestId: TRIAL, instant: false, placed: false };
  const would: WouldDeploy[] = [];
  for (let start = 0; start < deployments.length; start += AT_ONCE) {
    const some = deployments.slice(start, start + AT_ONCE);
    would.push(
      ...(await Promise.all(
        some.map(async (deployment) =>
          deployment.server === database.server && deployment.schema === into.schema
            ? { ...own, deploymentId: deployment.id }
            : await wouldDeploy(ports, trial, deployment),
        ),
      )),
    );
  }
  return { diff: diffTexts(change.from, change.to), deployments: would };
}

async function wouldDeploy(
  ports: DeployPorts,
  trial: Omit<Everywhere, 'deployments'>,
  deployment: DeploymentRecord,
): Promise<WouldDeploy> {
  const nothing = { deploymentId: deployment.id, operations: [], lint: [], instantEligible: false, bytesNeeded: 0 };
  try {
    const [found] = await foundEverywhere(ports, { ...trial, deployments: [deployment] });
    const { change, lint, instantEligible, storage, drift } = found!;
    if (drift) return { ...nothing, error: null, drift: [drift.message] };
    const there = { deploymentId: deployment.id, operations: operationsOf(change), lint, instantEligible };
    return { ...there, bytesNeeded: storage?.bytesNeeded ?? 0, error: null, drift: [] };
  } catch (error) {
    // Of whatever else it is, the activity's other attempts may know more.
    if (!isFailure(error)) throw error;
    return { ...nothing, error: { code: error.code, message: error.message }, drift: [] };
  }
}

/** A change as somebody is told of it before it is made. */
export function shown(change: PlannedChange): Pick<WouldChange, 'operations' | 'diff'> {
  return { operations: operationsOf(change), diff: diffTexts(change.from, change.to) };
}

function operationsOf({ operations }: PlannedChange): WouldChange['operations'] {
  return operations.map((operation) => {
    const { kind, table, ddl, way, because, canDropData } = newOperation(operation);
    return { kind, table, ddl, way, because, canDropData };
  });
}
