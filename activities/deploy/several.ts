import type { RequestRef } from '../../domain/deploy/contract';
import type { DatabaseRecord } from '../../domain/deploy/database';
import { readApplyOperation } from '../../domain/rollout/apply-row';
import type { ApplyOperation, DeploymentRecord } from '../../domain/rollout/apply';
import type { ApplyNow } from '../../domain/rollout/contract';
import { applyNowOf } from '../../domain/rollout/now';
import type { DeployPorts } from './ports';

/** Where a request goes. */
export interface Target {
  readonly database: DatabaseRecord;
  /** The name of the branch that it is deployed into. */
  readonly intoBranch: string;
}

/**
 * The deployments that a request goes over, in the order of the rollout; none where it goes to its target branch alone, as
 * every request that is not into the default branch.
 */
export async function deploymentsOf(
  { rollouts }: DeployPorts,
  { database, intoBranch }: Target,
): Promise<readonly DeploymentRecord[]> {
  if (intoBranch !== database.defaultBranch) return [];
  const deployments = await rollouts.deployments.list(database.organizationId, database.id);
  return deployments.length > 1 ? deployments : [];
}

/** The operations of an apply that can be read. */
export async function operationsOf({ rollouts }: DeployPorts, ref: RequestRef): Promise<readonly ApplyOperation[]> {
  const rows = await rollouts.applies.rows(ref.organizationId, ref.requestId);
  return rows.map((row) => readApplyOperation(row, ref.requestId)).filter((read) => typeof read !== 'string');
}

/** Whether a request goes over several deployments, and where its apply stands once it has one. */
export async function severalOf(
  ports: DeployPorts,
  ref: RequestRef,
  target: Target,
): Promise<{ readonly several: boolean; readonly apply: ApplyNow | null; readonly acceptLosses: boolean }> {
  const apply = await ports.rollouts.applies.get(ref.organizationId, ref.requestId);
  if (!apply) return { several: (await deploymentsOf(ports, target)).length > 0, apply: null, acceptLosses: false };
  const operations = ref.operation ? [] : await operationsOf(ports, ref);
  return { several: true, apply: applyNowOf(apply, operations), acceptLosses: apply.asked.acceptLosses };
}
