import { cancellationSignal } from '@temporalio/activity';
import { Failure, isFailure } from '../../domain/failures';
import type { FleetReplica } from '../../domain/fleet/gateway';
import {
  gatewayWorkflowId,
  replicaWorkflowId,
  type GatewayRef,
  type OrphanFound,
  type ReplicaRef,
  type SweepReport,
} from '../../domain/fleet/contract';
import { isLive, ReplicaState } from '../../domain/fleet/lifecycle';
import { replicaStatus, sweepEvent } from '../../domain/fleet/messages';
import { compare, type Orphan } from '../../domain/fleet/sweep';
import type { Cloud } from '../../drivers/cloud/cloud';
import type { FleetActivities } from './activities';
import type { FleetPorts } from './ports';

/** Looking for what nobody would otherwise look for again: machines without a replica, replicas without a machine. */
export function sweepSteps(ports: FleetPorts): Pick<FleetActivities, 'sweep' | 'findIdle'> {
  const { store, clouds } = ports;
  return {
    async sweep({ dryRun, fleet }) {
      const reports = await Promise.all(
        [...clouds].map(([, cloud]) => sweepBackend(cloud, fleet.sweepGraceMs, dryRun)),
      );
      return {
        dryRun,
        orphans: reports.flatMap(({ orphans }) => orphans),
        tooYoung: reports.flatMap(({ tooYoung }) => tooYoung),
        lost: reports.flatMap(({ lost }) => lost),
        unreachable: reports.flatMap(({ unreachable }) => unreachable),
      };
    },

    async findIdle() {
      const gateways = await store.fleet.gateways.all();
      const replicas = await store.fleet.replicas.live();
      const running = await ports.runningWorkflows();
      return {
        gateways: gateways
          .map(({ organizationId, id: gatewayId }): GatewayRef => ({ organizationId, gatewayId }))
          .filter(({ gatewayId }) => !running.has(gatewayWorkflowId(gatewayId))),
        replicas: replicas.map(refOf).filter(({ replicaId }) => !running.has(replicaWorkflowId(replicaId))),
      };
    },
  };

  async function sweepBackend(cloud: Cloud, graceMs: number, dryRun: boolean): Promise<Omit<SweepReport, 'dryRun'>> {
    const { backend, capabilities } = cloud;
    const owner = ports.installation;
    try {
      const before = await store.fleet.replicas.live();
      const machines = await cloud.list(owner, cancellationSignal());
      const after = await store.fleet.replicas.live();
      const known = [...new Map([...before, ...after].map((replica) => [replica.id, replica])).values()];
      const facts = { backend, owner, now: new Date(), graceMs, readLagMs: capabilities.readLagMs };
      const { orphans, tooYoung, lost } = compare(machines, known, facts);
      if (!dryRun) {
        for (const orphan of orphans) await destroy(cloud, orphan);
        for (const replica of lost) await giveUp(replica);
      }
      return { orphans: orphans.map(shown), tooYoung: tooYoung.map(shown), lost: lost.map(refOf), unreachable: [] };
    } catch (error) {
      if (!isFailure(error)) throw error;
      const unreachable = [{ backend, error: { code: error.code, message: error.message } }];
      return { orphans: [], tooYoung: [], lost: [], unreachable };
    }
  }

  async function destroy(cloud: Cloud, { machine, why }: Orphan): Promise<void> {
    const { organizationId, gatewayId, replicaId } = machine.tags;
    const replica = organizationId && replicaId ? await store.fleet.replicas.get(organizationId, replicaId) : null;
    if (replica && isLive(replica) && (replica.instanceId ?? machine.instanceId) === machine.instanceId)
      throw new Failure('CONFLICT', `the machine ${machine.instanceId} has a replica after all`);
    await cloud.terminate(ports.installation, machine.instanceId, cancellationSignal());
    // A gateway that is deleted has nobody left to tell; what was destroyed is in the sweep's own result.
    if (organizationId && gatewayId && (await store.fleet.gateways.get(organizationId, gatewayId)))
      await store.fleet.events.add({
        ...{ organizationId, gatewayId, replicaId: replica ? replica.id : null, actor: null },
        message: sweepEvent.destroyed(machine.instanceId, why),
      });
  }

  async function giveUp({ organizationId, id: replicaId }: FleetReplica): Promise<void> {
    await store.pool.withdraw(replicaId);
    const present = await store.fleet.replicas.get(organizationId, replicaId);
    if (present?.state !== ReplicaState.running && present?.state !== ReplicaState.provisioning) return;
    // Whoever holds it has not got it any more, and is not waited for.
    await store.fleet.replicas.countHealth(organizationId, replicaId, false);
    await store.fleet.replicas.move(organizationId, replicaId, 'retire', {
      statusMessage: replicaStatus.machineGone,
    });
  }
}

function refOf({ organizationId, gatewayId, id: replicaId }: FleetReplica): ReplicaRef {
  return { organizationId, gatewayId, replicaId };
}

function shown({ backend, machine, why }: Orphan): OrphanFound {
  const { instanceId, region, tags } = machine;
  return { backend, region, instanceId, replicaId: tags.replicaId ?? null, why };
}
