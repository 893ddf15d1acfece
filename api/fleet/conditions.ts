import { isSameProfile, type FleetGateway, type FleetReplica } from '../../domain/fleet/gateway';
import { activeReplicaStates, GatewayState, ReplicaState } from '../../domain/fleet/lifecycle';
import type { FleetPolicy } from '../../domain/fleet/policy';

/** One thing that holds of a gateway, or does not, for machines to decide on. */
export interface Condition {
  readonly type: 'Ready' | 'ReplicasReady' | 'ProfileApplied' | 'ScaleOutGivenUp' | 'Deleting';
  readonly status: 'True' | 'False';
  /** One word, for machines. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  readonly since: Date;
}

type Facts = Omit<Condition, 'type' | 'status'> & { readonly holds: boolean };

/**
 * What holds of a gateway, as its rows say.
 * @param stateSince when it came to its present state.
 */
export function conditionsOf(
  gateway: FleetGateway,
  replicas: readonly FleetReplica[],
  { stateSince, policy }: { stateSince: Date; policy: Pick<FleetPolicy, 'scaleOutAttempts'> },
): Condition[] {
  const active = replicas.filter(({ state, scaleIn }) => activeReplicaStates.includes(state) && !scaleIn);
  const running = active.filter(({ state }) => state === ReplicaState.running);
  const facts: Partial<Record<Condition['type'], Facts>> = {
    Ready: ready(gateway, stateSince),
    ReplicasReady: replicasReady(gateway, running, replicas),
    ProfileApplied: profileApplied(gateway, running),
    ...(running.length < gateway.desiredReplicas && { ScaleOutGivenUp: givenUp(gateway, policy) }),
    ...(gateway.deletionMarkedAt && { Deleting: deleting(gateway.deletionMarkedAt, replicas) }),
  };
  return Object.entries(facts).map(([type, { holds, reason, message, since }]) => ({
    type: type as Condition['type'],
    status: holds ? 'True' : 'False',
    reason,
    message,
    since,
  }));
}

function ready({ state, statusMessage, deletionMarkedAt }: FleetGateway, stateSince: Date): Facts {
  if (deletionMarkedAt)
    return { holds: false, reason: 'Deleting', message: 'It is being deleted.', since: deletionMarkedAt };
  const reason = { submitted: 'Submitted', provisioning: 'Provisioning', running: 'Running', failed: 'Failed' }[state];
  return { holds: state === GatewayState.running, reason, message: statusMessage ?? '', since: stateSince };
}

function replicasReady(
  { desiredReplicas, createdAt, lastUpdateAt }: FleetGateway,
  running: readonly FleetReplica[],
  all: readonly FleetReplica[],
): Facts {
  const message = `${running.length} of ${desiredReplicas} replicas run.`;
  const joined = running.map(({ runningAt }) => runningAt);
  if (running.length >= desiredReplicas)
    return { holds: true, reason: 'AllRunning', message, since: latest(createdAt, lastUpdateAt, ...joined) };
  const gone = all.map(({ terminatedAt }) => terminatedAt);
  return { holds: false, reason: 'ReplicasMissing', message, since: latest(createdAt, lastUpdateAt, ...gone) };
}

function profileApplied({ profile, createdAt, lastUpdateAt }: FleetGateway, running: readonly FleetReplica[]): Facts {
  const behind = running.filter(({ appliedProfile }) => !isSameProfile(appliedProfile, profile));
  const wanted = `revision ${profile.revision} of profile ${profile.name}`;
  const since = latest(createdAt, lastUpdateAt, ...running.map(({ runningAt }) => runningAt));
  if (behind.length > 0)
    return {
      holds: false,
      reason: 'RollingOut',
      message: `${behind.length} replicas do not have ${wanted} yet.`,
      since,
    };
  return { holds: true, reason: 'AllApplied', message: `Every running replica has ${wanted}.`, since };
}

function givenUp(
  { scaleAttempt, lastScaleAttemptAt, createdAt }: FleetGateway,
  { scaleOutAttempts }: Pick<FleetPolicy, 'scaleOutAttempts'>,
): Facts {
  const holds = scaleAttempt >= scaleOutAttempts;
  const message = `${scaleAttempt} of ${scaleOutAttempts} attempts to make up for missing replicas were made.`;
  return { holds, reason: holds ? 'AttemptsUsedUp' : 'Trying', message, since: lastScaleAttemptAt ?? createdAt };
}

function deleting(since: Date, replicas: readonly FleetReplica[]): Facts {
  const left = replicas.filter(({ state }) => state !== ReplicaState.terminated).length;
  return { holds: true, reason: 'Requested', message: `${left} replicas are still to go.`, since };
}

function latest(...times: readonly (Date | null)[]): Date {
  return new Date(Math.max(...times.map((each) => each?.getTime() ?? 0)));
}
