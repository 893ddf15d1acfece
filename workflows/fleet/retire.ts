import { FleetWorkflow, type Retire } from '../../domain/fleet/contract';
import { nothing, pointOfNoReturn } from '../saga/undo';
import { Saga } from '../saga/saga';
import { fleetActivities } from './activities';
import { drain } from './drain';

/** Takes a replica out of the pool and destroys its machine. There is no way back: what fails waits for a person. */
export async function retireReplica(input: Retire): Promise<void> {
  const { organizationId, gatewayId, replicaId, policy, fleet } = input;
  const ref = { organizationId, gatewayId, replicaId };
  const work = { ...ref, fleet };
  const act = fleetActivities(policy, fleet);

  const definition = { kind: FleetWorkflow.retire, organizationId, policy, placement: 'local' } as const;
  await Saga.run(definition, async (saga) => {
    await saga.step('withdraw', {
      do: () => act.undo.withdraw(ref),
      undo: pointOfNoReturn('a replica on its way out never comes back'),
    });
    // Last the machine: an organization that is still routed to it must be elsewhere first.
    await saga.step('drain', { do: () => drain(act, input), undo: nothing('nobody holds it') });
    await saga.step('leave', { do: () => act.undo.leavePool(ref), undo: nothing('it is in no pool') });
    await saga.step('destroy', { do: () => act.destroy.destroyMachine(work), undo: nothing('the machine is gone') });
    await saga.step('settle', {
      do: () => act.undo.settle({ ...ref, leftBehind: [] }),
      undo: nothing('the replica is over'),
    });
  });
}
