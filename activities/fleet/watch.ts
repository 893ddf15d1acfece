import { cancellationSignal } from '@temporalio/activity';
import { isSameProfile, type ProfileRevision } from '../../domain/fleet/gateway';
import { replicaStatus } from '../../domain/fleet/messages';
import { isUsable } from '../../domain/fleet/machine';
import type { FleetActivities } from './activities';
import type { ReplicaProfile } from './hosts';
import { cloudOf, replicaRow, wantedReplica } from './lookup';
import type { FleetPorts } from './ports';
import { pause } from './waiting';
import { wayTo } from './way';

/** Looking after replicas that serve. */
export function watchSteps(ports: FleetPorts): Pick<FleetActivities, 'watch'> {
  const { store, hosts } = ports;
  return {
    async watch({ fleet, ...ref }) {
      const { replica, gateway } = await wantedReplica(store, ref);
      const way = wayTo(ports, replica);
      let failures = replica.healthFailures;
      let applied: ProfileRevision | null = null;
      let profile: ReplicaProfile | undefined;
      for (;;) {
        const { appliedProfile } = await replicaRow(store, ref);
        if (!profile || !isSameProfile(applied, appliedProfile)) {
          applied = appliedProfile;
          profile = await hosts.profile(replica, applied ? { ...gateway, profile: applied } : gateway);
        }
        const unhealthy = await hosts.health(way, profile, fleet.healthTimeoutMs, cancellationSignal());
        // Being configured, it may well not answer for a while; whoever configures it finds out whether it comes back.
        if (unhealthy !== null && (await replicaRow(store, ref)).rollout !== null) {
          if (await isGone(replica.instanceId!)) return { unhealthy: replicaStatus.machineGone };
          await pause(fleet.healthIntervalMs);
          continue;
        }
        if (unhealthy !== null || failures > 0)
          failures = await store.fleet.replicas.countHealth(ref.organizationId, ref.replicaId, unhealthy === null);
        if (unhealthy !== null && (await isGone(replica.instanceId!))) return { unhealthy: replicaStatus.machineGone };
        if (failures >= fleet.healthFailures) return { unhealthy: `${replicaStatus.unhealthy}: ${unhealthy}` };
        await pause(fleet.healthIntervalMs);
      }

      /** A backend that does not answer says nothing about the machine. */
      async function isGone(instanceId: string): Promise<boolean> {
        try {
          const machine = await cloudOf(ports, replica).get(instanceId, cancellationSignal());
          return machine === null || !isUsable(machine);
        } catch {
          cancellationSignal().throwIfAborted();
          return false;
        }
      }
    },
  };
}
