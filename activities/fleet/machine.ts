import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { Failure } from '../../domain/failures';
import { replicaName } from '../../domain/fleet/gateway';
import { ReplicaState } from '../../domain/fleet/lifecycle';
import { isUsable, MachineState, type Machine, type MachineSpec } from '../../domain/fleet/machine';
import { byPrecedence, createOrAdopt } from '../../drivers/cloud/adopt';
import type { Cloud } from '../../drivers/cloud/cloud';
import type { FleetActivities } from './activities';
import { clientKeyOf, hostKeyOf } from './keys';
import { cloudOf, replicaRow, wantedReplica, type Wanted } from './lookup';
import type { FleetPorts } from './ports';
import { statusOf } from './status';
import { pause } from './waiting';

type MachineSteps = Pick<FleetActivities, 'createMachine' | 'awaitAddress' | 'destroyMachine'>;

/** The machine of a replica: at most one, found by its token whatever was lost, and gone when it is said to be. */
export function machineSteps(ports: FleetPorts): MachineSteps {
  const { store, installation } = ports;
  const { replicas } = store.fleet;
  return {
    async createMachine(ref) {
      const wanted = await wantedReplica(store, ref);
      const { replica } = wanted;
      const { organizationId, replicaId } = ref;
      // An attempt may come long after the first: until when its machine may be missing from answers counts anew.
      await replicas.note(organizationId, replicaId, { createPendingAt: new Date() });
      const { machine } = await createOrAdopt(cloudOf(ports, replica), specOf(ports, wanted), {
        repeated: activityInfo().attempt > 1 || replica.instanceId !== null,
        recorded: replica.instanceId,
        signal: cancellationSignal(),
      });
      const { instanceId } = machine;
      await replicas.move(organizationId, replicaId, 'provision', { instanceId, createPendingAt: new Date() });
      return { instanceId };
    },

    async awaitAddress({ fleet, ...ref }) {
      for (;;) {
        const { replica } = await wantedReplica(store, ref);
        const cloud = cloudOf(ports, replica);
        const machine = await theMachine(cloud, installation, replica.token, replica.instanceId!);
        if (machine && machine.state === MachineState.running && machine.ssh && machine.serves !== null) {
          const { ssh, serves, hostKeyFingerprint: pinned } = machine;
          await replicas.note(ref.organizationId, ref.replicaId, {
            ...{ ssh, serves: ports.hosts.servesAt(serves) },
            ...(pinned !== undefined && { hostPublicKey: pinned }),
          });
          return;
        }
        const isGone = machine && !isUsable(machine);
        const isMissing = !machine && replica.createPendingAt!.getTime() + cloud.capabilities.readLagMs < Date.now();
        if (machine?.end) throw new Failure(machine.end.code, machine.end.message, { retryable: false });
        if (isGone || isMissing) throw new Failure('MACHINE_GONE', `the machine ${replica.instanceId} is gone`);
        await pause(fleet.machineLookMs);
      }
    },

    async destroyMachine({ because, fleet, ...ref }) {
      const { organizationId, replicaId } = ref;
      const replica = await replicaRow(store, ref);
      if (replica.state === ReplicaState.terminated || replica.createPendingAt === null) return;
      if (replica.state !== ReplicaState.terminating) {
        const gateway = await store.fleet.gateways.get(organizationId, ref.gatewayId);
        const statusMessage = statusOf(replica, gateway, because);
        await replicas.move(organizationId, replicaId, 'retire', { statusMessage });
      }
      const cloud = cloudOf(ports, replica);
      const deadline = Date.now() + fleet.goneDeadlineMs;
      const told = new Set<string>();
      // A machine that was just asked for may not be in any answer yet.
      const shownBy = replica.createPendingAt.getTime() + cloud.capabilities.readLagMs;
      for (;;) {
        const looked = Date.now();
        const left = await remains(cloud, installation, replica.token, replica.instanceId);
        if (left.length === 0 && looked >= shownBy) return;
        for (const { instanceId, state } of left) {
          // What is stopping may also have stopped by itself: then only being told ends it.
          if (state === MachineState.stopping && told.has(instanceId)) continue;
          await cloud.terminate(installation, instanceId, cancellationSignal());
          told.add(instanceId);
        }
        if (Date.now() > deadline) throw stillThere(left);
        await pause(fleet.machineLookMs);
      }
    },
  };
}

/** The machine on record, after what else carries its token was told to go. */
async function theMachine(cloud: Cloud, owner: string, token: string, recorded: string): Promise<Machine | null> {
  const machines = await cloud.find(owner, token, cancellationSignal());
  const [kept, ...others] = [...machines].sort(byPrecedence(recorded));
  for (const { instanceId } of others) await cloud.terminate(owner, instanceId, cancellationSignal());
  return kept?.instanceId === recorded ? kept : await cloud.get(recorded, cancellationSignal());
}

/** Everything that is still there of a replica's machine, however it came to be. */
async function remains(cloud: Cloud, owner: string, token: string, recorded: string | null): Promise<Machine[]> {
  const machines = await cloud.find(owner, token, cancellationSignal());
  if (recorded === null || machines.some(({ instanceId }) => instanceId === recorded)) return machines;
  const machine = await cloud.get(recorded, cancellationSignal());
  // A host that another replica has by now is not this one's any more.
  return machine && machine.state !== MachineState.gone && machine.tags.token === token
    ? [...machines, machine]
    : machines;
}

function stillThere(machines: readonly Machine[]): Failure {
  const which = machines.map(({ instanceId, state }) => `${instanceId} (${state})`).join(', ');
  return new Failure('CLOUD_CONFLICT', `not gone yet: ${which || 'what was just created'}`);
}

function specOf({ secrets, installation: owner }: FleetPorts, { replica, gateway }: Wanted): MachineSpec {
  const { id: replicaId, organizationId, gatewayId, token, region } = replica;
  const { instanceType, publicIp, tags } = gateway.configuration;
  return {
    tags: { owner, organizationId, gatewayId, replicaId, token },
    name: `${replicaName(gateway.name, replica.num)}-${replicaId.slice(0, 8)}`,
    region,
    ...(instanceType !== null && { instanceType }),
    publicIp,
    userTags: tags ?? {},
    hostKey: hostKeyOf(secrets, replicaId),
    authorizedKey: clientKeyOf(secrets).publicKey,
  };
}
