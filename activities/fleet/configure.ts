import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { Failure, isFailure } from '../../domain/failures';
import { FleetWorkflow } from '../../domain/fleet/contract';
import { configurationRevision } from '../../domain/fleet/revision';
import type { FleetActivities } from './activities';
import { operationId } from './operation';
import { wantedReplica } from './lookup';
import { withOutput } from './output';
import type { FleetPorts } from './ports';
import { pause } from './waiting';
import { wayTo } from './way';

type ConfigureSteps = Pick<FleetActivities, 'connect' | 'configure' | 'awaitHealthy'>;

/** From a machine that boots to one that does what its gateway's profile says. */
export function configureSteps(ports: FleetPorts): ConfigureSteps {
  const { store, hosts } = ports;
  return {
    async connect({ fleet, ...ref }) {
      const { replica } = await wantedReplica(store, ref);
      const attempts = await store.fleet.replicas.countConnectAttempt(ref.organizationId, ref.replicaId);
      try {
        await hosts.reach(wayTo(ports, replica), fleet.connectTimeoutMs, cancellationSignal());
      } catch (error) {
        // The count in the store outlives whatever else forgets.
        if (isFailure(error) && error.retryable && attempts >= fleet.connectAttempts)
          throw new Failure(error.code, error.message, { retryable: false });
        throw error;
      }
    },

    async configure(work) {
      const { replica, gateway } = await wantedReplica(store, work);
      const { organizationId } = work;
      const profile = await hosts.profile(replica, gateway);
      const runId = activityInfo().workflowExecution!.workflowId;
      const id = operationId(replica.id, await configurationRevision(profile.profile, profile.values));
      const of = { organizationId, kind: FleetWorkflow.provision, runId, step: 'configure' };
      await withOutput(store.journal, of, (line) =>
        hosts.configure(wayTo(ports, replica), profile, id, line, cancellationSignal()),
      );
      await store.fleet.replicas.note(organizationId, work.replicaId, { appliedProfile: profile.revision });
    },

    async awaitHealthy({ fleet, ...ref }) {
      for (;;) {
        const { replica, gateway } = await wantedReplica(store, ref);
        const profile = await hosts.profile(replica, gateway);
        const unhealthy = await hosts.health(
          wayTo(ports, replica),
          profile,
          fleet.healthTimeoutMs,
          cancellationSignal(),
        );
        if (unhealthy === null) return;
        await pause(fleet.machineLookMs);
      }
    },
  };
}
