import { gatewayConfiguration } from '../../domain/fleet/configuration';
import type { FleetGateway } from '../../domain/fleet/gateway';
import { gatewayMoves, GatewayState, ReplicaState } from '../../domain/fleet/lifecycle';
import { defaultFleetPolicy, type FleetPolicy } from '../../domain/fleet/policy';
import { decide, type BackendFacts, type Decision, type HeldReplica } from '../../domain/fleet/scaling';

export const epoch = new Date('2026-11-21T08:00:00Z');
const minute = 60_000;

/** A time some minutes after the beginning of the tests' time. */
export function at(minutes: number): Date {
  return new Date(epoch.getTime() + minutes * minute);
}

export function gateway(members: Partial<FleetGateway> = {}): FleetGateway {
  return {
    id: 'g',
    organizationId: 'o',
    name: 'edge',
    configuration: gatewayConfiguration({ name: 'edge', backend: 'docker', region: 'local' }, { maxReplicas: 9 }),
    state: GatewayState.running,
    statusMessage: null,
    isDefault: true,
    deletionMarkedAt: null,
    desiredReplicas: 1,
    scaleInForced: false,
    scaleAttempt: 0,
    lastScaleAttemptAt: null,
    lastUpdateAt: null,
    wildcardDomain: null,
    profile: { name: 'default', revision: 1 },
    rollout: null,
    createdAt: epoch,
    resourceVersion: 1,
    ...members,
  };
}

export function replica(num: number, state: ReplicaState, members: Partial<HeldReplica> = {}): HeldReplica {
  const generation = members.generation ?? 1;
  return {
    id: `r${num}.${generation}`,
    gatewayId: 'g',
    organizationId: 'o',
    num,
    generation,
    state,
    statusMessage: null,
    backend: 'docker',
    region: 'local',
    token: `t${num}.${generation}`,
    createPendingAt: null,
    instanceId: null,
    ssh: null,
    serves: null,
    hostPublicKey: null,
    scaleIn: false,
    connectAttempts: 0,
    healthFailures: 0,
    appliedProfile: null,
    rollout: null,
    createdAt: epoch,
    runningAt: state === ReplicaState.running ? epoch : null,
    terminatedAt: state === ReplicaState.terminated ? epoch : null,
    resourceVersion: 1,
    held: false,
    ...members,
  };
}

/** Decides with the default policy and an able backend, but for what is named. */
export function decided(
  subject: FleetGateway,
  replicas: readonly HeldReplica[],
  {
    now = at(60),
    policy = {},
    backend = {},
  }: {
    now?: Date;
    policy?: Partial<FleetPolicy>;
    backend?: Partial<BackendFacts>;
  } = {},
): Decision {
  return decide(subject, replicas, {
    now,
    backend: { available: true, loadBalancer: false, ...backend },
    policy: { ...defaultFleetPolicy, ...policy },
  });
}

/** A gateway and its replicas in memory, for what must hold whatever happens. */
export class Model {
  replicas: HeldReplica[] = [];
  over = false;
  now = epoch;
  created = 0;

  constructor(public gateway: FleetGateway) {}

  /** Looks at the gateway and writes what was decided, as the store does. */
  look(policy: Partial<FleetPolicy> = {}): Decision {
    const decision = decided(this.gateway, this.replicas, { now: this.now, policy });
    const { move, scaleAttempt } = decision;
    this.gateway = {
      ...this.gateway,
      ...(move && { state: gatewayMoves[move.name].to, statusMessage: move.statusMessage }),
      ...(scaleAttempt && { scaleAttempt: scaleAttempt.count, lastScaleAttemptAt: scaleAttempt.at }),
    };
    this.replicas = [
      ...this.replicas.map((each) => (decision.scaleIn.includes(each.id) ? { ...each, scaleIn: true } : each)),
      ...decision.create.map(({ num, generation }) =>
        replica(num, ReplicaState.submitted, { generation, createdAt: this.now }),
      ),
    ];
    this.created += decision.create.length;
    this.over ||= decision.over;
    return decision;
  }

  change(id: string, members: Partial<HeldReplica>): void {
    this.replicas = this.replicas.map((each) => (each.id === id ? { ...each, ...members } : each));
  }
}
