import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { Failure } from '../../domain/failures';
import { FleetWorkflow } from '../../domain/fleet/contract';
import { isSameProfile, type FleetGateway, type FleetReplica } from '../../domain/fleet/gateway';
import { activeReplicaStates, GatewayState, ReplicaState } from '../../domain/fleet/lifecycle';
import { configurationRevision } from '../../domain/fleet/revision';
import { rolloutStep } from '../../domain/fleet/steps';
import { rolloutStatus, rolloutText } from '../../domain/fleet/rollout-messages';
import type { FleetActivities, Rolling, RolloutRef } from './activities';
import type { ReplicaProfile } from './hosts';
import { wantedReplica } from './lookup';
import { whileWanted } from './while-wanted';
import { operationId } from './operation';
import { withOutput } from './output';
import type { FleetPorts } from './ports';
import { pause } from './waiting';
import { wayTo } from './way';

type RolloutSteps = Pick<
  FleetActivities,
  | 'nextLacking'
  | 'isWanted'
  | 'holdReplica'
  | 'configureAs'
  | 'awaitHealthyAs'
  | 'letReplicaGo'
  | 'takeProfileBack'
  | 'settleRollout'
>;

/** Milliseconds between two looks at replicas that are coming up. */
const LOOK_MS = 500;

/** Giving the replicas of a gateway another revision of its profile, in place and one at a time. */
export function rolloutSteps(ports: FleetPorts): RolloutSteps {
  const { hosts, store } = ports;
  const { rollouts, replicas, gateways, events } = store.fleet;

  const wantedGateway = async ({ organizationId, gatewayId, number }: RolloutRef): Promise<FleetGateway | null> => {
    const gateway = await gateways.get(organizationId, gatewayId);
    if (!gateway || gateway.deletionMarkedAt || gateway.state !== GatewayState.running) return null;
    return gateway.rollout?.number === number ? gateway : null;
  };

  /** A replica with what a revision means for it. @throws Failure STATE_CONFLICT for one that is to go. */
  const subject = async (work: Rolling): Promise<{ replica: FleetReplica; profile: ReplicaProfile }> => {
    const { replica, gateway } = await wantedReplica(store, work);
    return { replica, profile: await hosts.profile(replica, { ...gateway, profile: work.profile }) };
  };

  return {
    async nextLacking({ profile, except, fleet, ...ref }) {
      for (;;) {
        if (!(await wantedGateway(ref))) return null;
        const lacking = (await replicas.list(ref.organizationId, ref.gatewayId)).filter(
          ({ id, state, scaleIn, appliedProfile }) =>
            activeReplicaStates.includes(state) &&
            !scaleIn &&
            !isSameProfile(appliedProfile, profile) &&
            !except.includes(id),
        );
        const next = lacking.find(
          ({ state, rollout }) => state === ReplicaState.running && (rollout ?? ref.run) === ref.run,
        );
        if (next) return { replicaId: next.id, num: next.num, generation: next.generation };
        // One that was not connected to yet will read the gateway's profile when it is. One that another run configures
        // still is waited for.
        if (!lacking.some(({ connectAttempts }) => connectAttempts > 0)) return null;
        await pause(Math.min(LOOK_MS, fleet.heldLookMs));
      }
    },

    async isWanted(ref) {
      return (await wantedGateway(ref)) !== null;
    },

    async holdReplica(work) {
      return await rollouts.hold(work, work.replicaId);
    },

    async configureAs(work) {
      const { replica, profile } = await subject(work);
      const { organizationId, replicaId, run: runId } = work;
      // Until it is done nobody knows what the machine has.
      await replicas.note(organizationId, replicaId, { appliedProfile: null });
      // Once for each time that it is asked for, its attempts together: a revision may come, go, and come again.
      const revision = await configurationRevision(profile.profile, profile.values);
      const id = operationId(replica.id, [revision, runId, activityInfo().activityId].join('\n'));
      const of = { organizationId, kind: FleetWorkflow.rollout, runId, step: rolloutStep(replica) };
      await withOutput(store.journal, of, (line) =>
        whileWanted(store, work, (signal) => hosts.configure(wayTo(ports, replica), profile, id, line, signal)),
      );
      await replicas.note(organizationId, replicaId, { appliedProfile: profile.revision });
    },

    async awaitHealthyAs(work) {
      const { healthTimeoutMs, healthyDeadlineMs, machineLookMs } = work.fleet;
      const deadline = activityInfo().scheduledTimestampMs + healthyDeadlineMs;
      for (;;) {
        const { replica, profile } = await subject(work);
        const unhealthy = await hosts.health(wayTo(ports, replica), profile, healthTimeoutMs, cancellationSignal());
        if (unhealthy === null) return;
        if (Date.now() > deadline) throw new Failure('REPLICA_UNHEALTHY', unhealthy, { retryable: false });
        await pause(machineLookMs);
      }
    },

    async letReplicaGo({ given, ...work }) {
      const { organizationId, gatewayId, replicaId, profile } = work;
      await rollouts.letGo(work, replicaId);
      if (!given) return;
      const message = rolloutText.replicaConfigured(profile);
      await events.add({ organizationId, gatewayId, replicaId, message, actor: null });
    },

    async takeProfileBack(ref) {
      return await rollouts.takeBack(ref);
    },

    async settleRollout({ reached, ...ref }) {
      const { organizationId, gatewayId, run } = ref;
      const held = await rollouts.settle(ref);
      for (const { id, state } of held)
        if (state === ReplicaState.running)
          await replicas.move(organizationId, id, 'retire', { statusMessage: rolloutStatus });
      if (reached && (await gateways.get(organizationId, gatewayId))) {
        const message = rolloutText.finished(reached, run);
        await events.add({ organizationId, gatewayId, replicaId: null, message, actor: null });
      }
      return held.map(({ id }) => id);
    },
  };
}
