import type { FleetGateway, FleetReplica } from './gateway';
import { activeReplicaStates, GatewayState, isLive, ReplicaState, type GatewayMove } from './lifecycle';
import { eventText, gatewayStatus } from './messages';
import type { FleetPolicy } from './policy';

/** A replica with whether an organization holds it. */
export type HeldReplica = FleetReplica & { readonly held: boolean };

/** What is known of a gateway's backend. */
export interface BackendFacts {
  /** It is configured, and serves the gateway's region. */
  readonly available: boolean;
  readonly loadBalancer: boolean;
}

/** What a decision depends on beside the rows. */
export interface ScalingFacts {
  readonly now: Date;
  readonly backend: BackendFacts;
  readonly policy: Pick<
    FleetPolicy,
    'scaleOutDelaysMs' | 'scaleOutAttempts' | 'steadyMs' | 'heldLookMs' | 'maxReplicas'
  >;
}

/** Why a replica is to go. */
export const RetireReason = {
  scaledIn: 'scaledIn',
  gatewayFailed: 'gatewayFailed',
  gatewayDeleted: 'gatewayDeleted',
} as const;
export type RetireReason = (typeof RetireReason)[keyof typeof RetireReason];

export interface Retirement {
  readonly replicaId: string;
  readonly reason: RetireReason;
}

/** What is to become of a gateway now. All of it is written in one transaction, or nothing. */
export interface Decision {
  /** A change of the gateway's state, with the message that the new state has. */
  readonly move: { readonly name: GatewayMove; readonly statusMessage: string | null } | null;
  /** Replicas to enter as SUBMITTED. */
  readonly create: readonly { readonly num: number; readonly generation: number }[];
  /** Replicas to mark as scaled in; nobody is given them from then on. */
  readonly scaleIn: readonly string[];
  /** The counter of attempts and its time, where they change. */
  readonly scaleAttempt: { readonly count: number; readonly at: Date | null } | null;
  /** Events beside those that the changes above make. */
  readonly events: readonly string[];
  /** Every live replica that is to go, also those that were told before; those that are going are not among them. */
  readonly retire: readonly Retirement[];
  /** When something may be due although nobody says so; null for never. */
  readonly lookAgainAt: Date | null;
  /** The gateway was to be deleted and has nothing left: its rows go, its events stay. */
  readonly over: boolean;
}

/** Why a replica is to go, or null when it is not, or goes already. */
export function retirementOf(
  gateway: Pick<FleetGateway, 'state' | 'deletionMarkedAt'>,
  replica: Pick<FleetReplica, 'state' | 'scaleIn'>,
): RetireReason | null {
  if (!activeReplicaStates.includes(replica.state)) return null;
  if (gateway.deletionMarkedAt) return RetireReason.gatewayDeleted;
  if (gateway.state === GatewayState.failed) return RetireReason.gatewayFailed;
  return replica.scaleIn ? RetireReason.scaledIn : null;
}

/**
 * Compares what a gateway wants with what it has. It decides on rows alone, so that it can be asked at any time, any
 * number of times, by anybody: once what it decided is written, it decides nothing more.
 * @param replicas every row of the gateway, TERMINATED ones included.
 */
export function decide(gateway: FleetGateway, replicas: readonly HeldReplica[], facts: ScalingFacts): Decision {
  const ended = ending(gateway, replicas);
  if (ended) return ended;
  if (gateway.state === GatewayState.submitted) return submission(gateway, replicas, facts.backend);
  const scaled = scaling(gateway, replicas, facts);
  const after = replicas.map((each) => (scaled.scaleIn.includes(each.id) ? { ...each, scaleIn: true } : each));
  const stay = after.filter(stays);
  const complete = stay.length >= gateway.desiredReplicas && stay.every(runs);
  const steady = complete ? steadied(gateway, stay, facts) : nothing;
  return {
    ...scaled,
    move: complete && gateway.state === GatewayState.provisioning ? { name: 'run', statusMessage: null } : null,
    scaleAttempt: scaled.scaleAttempt ?? steady.scaleAttempt,
    lookAgainAt: earlier(scaled.lookAgainAt, steady.lookAgainAt),
    retire: retirements(gateway, after),
  };
}

const nothing: Decision = {
  move: null,
  create: [],
  scaleIn: [],
  scaleAttempt: null,
  events: [],
  retire: [],
  lookAgainAt: null,
  over: false,
};

function retirements(gateway: FleetGateway, replicas: readonly FleetReplica[]): Retirement[] {
  return replicas.flatMap((replica) => {
    const reason = retirementOf(gateway, replica);
    return reason === null ? [] : [{ replicaId: replica.id, reason }];
  });
}

/** What becomes of a gateway that nobody wants, or that failed or fails now; null for any other. */
function ending(gateway: FleetGateway, replicas: readonly FleetReplica[]): Decision | null {
  const failed: FleetGateway = { ...gateway, state: GatewayState.failed };
  if (gateway.deletionMarkedAt)
    return { ...nothing, retire: retirements(gateway, replicas), over: !replicas.some(isLive) };
  if (gateway.state === GatewayState.failed) return { ...nothing, retire: retirements(failed, replicas) };
  const fails =
    gateway.state === GatewayState.provisioning &&
    replicas.some(({ scaleIn, state }) => !scaleIn && !activeReplicaStates.includes(state));
  if (!fails) return null;
  const move = { name: 'fail', statusMessage: gatewayStatus.replicaFailed } as const;
  return { ...nothing, move, retire: retirements(failed, replicas) };
}

/** What becomes of a gateway that was just asked for. Its first replicas are no attempt to make up for others. */
function submission(gateway: FleetGateway, replicas: readonly FleetReplica[], backend: BackendFacts): Decision {
  const refused = (statusMessage: string): Decision => ({ ...nothing, move: { name: 'refuse', statusMessage } });
  if (!backend.available) return refused(gatewayStatus.backendNotAvailable);
  if (gateway.configuration.certificate?.type === 'acm' && !backend.loadBalancer)
    return refused(gatewayStatus.noLoadBalancer);
  const move = { name: 'provision', statusMessage: null } as const;
  return { ...nothing, move, create: fresh(replicas, gateway.desiredReplicas) };
}

/** What brings the number of replicas to the one desired. */
function scaling(gateway: FleetGateway, replicas: readonly HeldReplica[], facts: ScalingFacts): Decision {
  const stay = replicas.filter(stays);
  const missing = gateway.desiredReplicas - stay.length;
  if (missing > 0) return scaleOut(gateway, replicas, missing, facts);
  return missing < 0 ? scaleIn(gateway, stay, -missing, facts) : nothing;
}

function scaleOut(
  gateway: FleetGateway,
  replicas: readonly FleetReplica[],
  missing: number,
  { now, policy: { scaleOutDelaysMs, scaleOutAttempts } }: ScalingFacts,
): Decision {
  const { lastUpdateAt, lastScaleAttemptAt } = gateway;
  // Whoever changed the gateway may have removed what made the attempts fail.
  const changed = lastUpdateAt !== null && (lastScaleAttemptAt === null || lastUpdateAt > lastScaleAttemptAt);
  const made = changed ? 0 : gateway.scaleAttempt;
  if (made >= scaleOutAttempts) return nothing;
  if (made > 0 && lastScaleAttemptAt !== null) {
    const delayMs = scaleOutDelaysMs[Math.min(made, scaleOutDelaysMs.length) - 1] ?? 0;
    const due = new Date(lastScaleAttemptAt.getTime() + delayMs);
    if (now < due) return { ...nothing, lookAgainAt: due };
  }
  const count = made + 1;
  // Never before the change that it answers, however the clocks of two processes differ: that would count as none.
  const at = changed && lastUpdateAt > now ? lastUpdateAt : now;
  return {
    ...nothing,
    create: fresh(replicas, missing),
    scaleAttempt: { count, at },
    events: count === scaleOutAttempts ? [eventText.finalScaleOut(count)] : [],
  };
}

/** The lowest numbers that no live replica has, each with its next generation. */
function fresh(replicas: readonly FleetReplica[], count: number): { num: number; generation: number }[] {
  const taken = new Set(replicas.filter(isLive).map(({ num }) => num));
  const free: number[] = [];
  for (let num = 0; free.length < count; num++) if (!taken.has(num)) free.push(num);
  return free.map((num) => ({
    num,
    generation: Math.max(0, ...replicas.filter((each) => each.num === num).map(({ generation }) => generation)) + 1,
  }));
}

/** The state in which a replica is given up with the least loss comes first. */
const cheapest: readonly ReplicaState[] = [ReplicaState.submitted, ReplicaState.provisioning, ReplicaState.running];

function scaleIn(
  gateway: FleetGateway,
  stay: readonly HeldReplica[],
  excess: number,
  { now, policy: { heldLookMs } }: ScalingFacts,
): Decision {
  const candidates = stay
    .filter(({ held }) => !held || gateway.scaleInForced)
    .sort(
      (a, b) =>
        cheapest.indexOf(a.state) - cheapest.indexOf(b.state) ||
        Number(a.held) - Number(b.held) ||
        a.createdAt.getTime() - b.createdAt.getTime() ||
        a.num - b.num,
    );
  return {
    ...nothing,
    scaleIn: candidates.slice(0, excess).map(({ id }) => id),
    lookAgainAt: candidates.length < excess ? new Date(now.getTime() + heldLookMs) : null,
  };
}

/** Forgets the attempts once all replicas have run for a while. */
function steadied(
  gateway: FleetGateway,
  stay: readonly FleetReplica[],
  { now, policy: { steadyMs } }: ScalingFacts,
): Decision {
  if (gateway.scaleAttempt === 0) return nothing;
  const latest = Math.max(...stay.map(({ runningAt, createdAt }) => (runningAt ?? createdAt).getTime()));
  const steadyAt = new Date(latest + steadyMs);
  return now < steadyAt ? { ...nothing, lookAgainAt: steadyAt } : { ...nothing, scaleAttempt: { count: 0, at: null } };
}

function runs({ state }: FleetReplica): boolean {
  return state === ReplicaState.running;
}

/** Whether a replica serves its gateway or is going to, and was not told to go. */
function stays({ state, scaleIn }: FleetReplica): boolean {
  return activeReplicaStates.includes(state) && !scaleIn;
}

function earlier(one: Date | null, other: Date | null): Date | null {
  if (!one || !other) return one ?? other;
  return one < other ? one : other;
}
