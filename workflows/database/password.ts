import { DeployWorkflow, type PasswordLife } from '../../domain/deploy/contract';
import { Saga } from '../saga/saga';
import { nothing } from '../saga/undo';
import { databaseActivities } from './activities';
import { definition } from './create';

/** Makes an account of a branch, or drops it where there is no verifier. */
export async function branchPassword({ policy, deploy, verifier, ...password }: PasswordLife): Promise<void> {
  const act = databaseActivities(policy, deploy);
  await Saga.run(definition(DeployWorkflow.password, password.organizationId, policy), async (saga) => {
    await saga.step('account', {
      do: () => (verifier === null ? act.undo.dropAccount(password) : act.quick.makeAccount({ ...password, verifier })),
      undo:
        verifier === null
          ? nothing('the account is gone, or goes with its branch')
          : () => act.undo.dropAccount(password),
    });
  });
}
