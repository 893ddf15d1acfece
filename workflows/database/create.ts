import { DeployWorkflow, type BranchLife, type DatabaseLife } from '../../domain/deploy/contract';
import { Saga, type SagaDefinition } from '../saga/saga';
import { nothing } from '../saga/undo';
import { databaseActivities } from './activities';

/** Makes the first schema of a database, or takes an existing one. */
export async function createDatabase({ organizationId, databaseId, policy, deploy }: DatabaseLife): Promise<void> {
  const ref = { organizationId, databaseId };
  const act = databaseActivities(policy, deploy);
  await Saga.run(definition(DeployWorkflow.createDatabase, organizationId, policy), async (saga) => {
    const branch = await saga.step('begin', {
      do: () => act.quick.beginDatabase(ref),
      undo: () => act.undo.failDatabase(ref),
    });
    await saga.step('schema', { do: () => act.make.makeSchema(branch), undo: () => act.undo.dropSchema(branch) });
    await saga.step('read', { do: () => act.make.shape(branch), undo: nothing('a look leaves nothing behind') });
    await saga.step('ready', {
      do: () => act.quick.readyDatabase(ref),
      undo: nothing('it is the last step: once it is done, nothing is taken back'),
    });
  });
}

/** Makes a branch: a schema that is what its parent's is at that moment. */
export async function createBranch({
  organizationId,
  databaseId,
  branchId,
  policy,
  deploy,
}: BranchLife): Promise<void> {
  const ref = { organizationId, databaseId, branchId };
  const act = databaseActivities(policy, deploy);
  await Saga.run(definition(DeployWorkflow.createBranch, organizationId, policy), async (saga) => {
    await saga.step('begin', { do: () => act.quick.beginBranch(ref), undo: () => act.undo.failBranch(ref) });
    await saga.step('schema', { do: () => act.make.makeSchema(ref), undo: () => act.undo.dropSchema(ref) });
    await saga.step('shape', { do: () => act.make.shape(ref), undo: nothing('it goes with the schema') });
    await saga.step('ready', {
      do: () => act.quick.readyBranch(ref),
      undo: nothing('it is the last step: once it is done, nothing is taken back'),
    });
  });
}

/** What these runs are; nobody waits for single steps, and each attempt is to be seen. */
export function definition(
  kind: DeployWorkflow,
  organizationId: string,
  policy: SagaDefinition['policy'],
): SagaDefinition {
  return { kind, organizationId, policy, placement: 'regular' };
}
