import { DeployWorkflow, type BranchLife, type BranchRef, type DatabaseLife } from '../../domain/deploy/contract';
import { Saga } from '../saga/saga';
import { nothing, pointOfNoReturn } from '../saga/undo';
import { databaseActivities, type DatabaseProxies } from './activities';
import { definition } from './create';

/** Deletes a branch: its accounts, its schema unless that was adopted, and its row. */
export async function deleteBranch({
  organizationId,
  databaseId,
  branchId,
  policy,
  deploy,
}: BranchLife): Promise<void> {
  const ref = { organizationId, databaseId, branchId };
  const act = databaseActivities(policy, deploy);
  await Saga.run(definition(DeployWorkflow.deleteBranch, organizationId, policy), async (saga) => {
    await remove(saga, act, ref, '');
  });
}

/** Deletes a database with all its branches. Schemas that were there before stay. */
export async function deleteDatabase({ organizationId, databaseId, policy, deploy }: DatabaseLife): Promise<void> {
  const ref = { organizationId, databaseId };
  const act = databaseActivities(policy, deploy);
  await Saga.run(definition(DeployWorkflow.deleteDatabase, organizationId, policy), async (saga) => {
    const branches = await saga.step('branches', {
      do: () => act.quick.branchesOf(ref),
      undo: nothing('a look leaves nothing behind'),
    });
    for (const [i, branchId] of branches.entries()) await remove(saga, act, { ...ref, branchId }, `-${i + 1}`);
    await saga.step('row', {
      do: () => act.quick.removeDatabase(ref),
      undo: pointOfNoReturn('what is deleted does not come back'),
    });
  });
}

async function remove(saga: Saga, act: DatabaseProxies, ref: BranchRef, suffix: string): Promise<void> {
  await saga.step(`accounts${suffix}`, {
    do: () => act.undo.dropAccounts(ref),
    undo: pointOfNoReturn('what is deleted does not come back'),
  });
  await saga.step(`schema${suffix}`, { do: () => act.undo.dropSchema(ref), undo: nothing('the schema is gone') });
  await saga.step(`branch${suffix}`, { do: () => act.undo.removeBranch(ref), undo: nothing('the branch is gone') });
}
