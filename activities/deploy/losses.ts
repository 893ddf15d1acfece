import type { RequestRef } from '../../domain/deploy/contract';
import { readApplyOperation } from '../../domain/rollout/apply-row';
import type { Loss, Work } from '../../drivers/database/engine';
import { isOwn } from './operation';
import type { DeployPorts } from './ports';
import { plannedOf } from './subject';

/** What a revert would lose now: of all deployments where it is live, each named. @throws Failure NOT_FOUND, SECRET_UNAVAILABLE */
export async function lossesOf(ports: DeployPorts, ref: RequestRef, work: Work): Promise<readonly Loss[]> {
  const { organizationId, requestId } = ref;
  const { applies } = ports.rollouts;
  const rows = isOwn(ref) ? [] : await applies.rows(organizationId, requestId);
  if (rows.length === 0) {
    const { engine, change } = await plannedOf(ports, ref);
    return await engine.losses(change, work);
  }
  const losses: Loss[] = [];
  for (const row of rows) {
    const operation = readApplyOperation(row, requestId);
    if (typeof operation === 'string' || operation.state !== 'revert_window') continue;
    const { id, epoch, deployment } = operation;
    const { engine, change } = await plannedOf(ports, { ...ref, operation: { id, epoch } });
    for (const loss of await engine.losses(change, work))
      losses.push({ ...loss, message: `deployment ${deployment}: ${loss.message}` });
  }
  return losses;
}
