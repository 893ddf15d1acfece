import { FleetWorkflow, type Provision } from '../../domain/fleet/contract';
import type { Because } from '../../activities/fleet/activities';
import { nothing, type Rollback } from '../saga/undo';
import { Saga } from '../saga/saga';
import { fleetActivities } from './activities';

/** Makes a replica: a machine, reached over SSH, configured, healthy, in the pool. */
export async function provisionReplica(input: Provision): Promise<void> {
  const { organizationId, gatewayId, replicaId, policy, fleet } = input;
  const ref = { organizationId, gatewayId, replicaId };
  const work = { ...ref, fleet };
  const act = fleetActivities(policy, fleet);

  const definition = { kind: FleetWorkflow.provision, organizationId, policy, placement: 'local' } as const;
  await Saga.run(definition, async (saga) => {
    // Before anything that costs money: what a second attempt, or a sweep, will know the machine by.
    await saga.step('prepare', {
      do: () => act.quick.prepare(ref),
      undo: (_, rollback) => act.undo.settle({ ...ref, leftBehind: rollback.leftBehind, because: because(rollback) }),
    });
    await saga.step('create', {
      do: () => act.create.createMachine(ref),
      undo: (_, rollback) => act.destroy.destroyMachine({ ...work, because: because(rollback) }),
    });
    await saga.step('address', {
      do: () => act.boot.awaitAddress(work),
      undo: nothing('the address goes with the machine'),
    });
    await saga.step('connect', {
      do: () => act.connect.connect(work),
      undo: nothing('a connection leaves nothing behind'),
    });
    await saga.step('configure', {
      do: () => act.configure.configure(work),
      undo: nothing('what was configured goes with the machine'),
    });
    await saga.step('health', {
      do: () => act.health.awaitHealthy(work),
      undo: nothing('a look leaves nothing behind'),
    });
    await saga.step('join', {
      do: () => act.quick.joinPool(ref),
      undo: () => act.undo.leavePool(ref),
    });
  });
}

function because({ failedStep, error }: Rollback): Because {
  return { error, ...(failedStep !== undefined && { step: failedStep }) };
}
