import type { FleetGateway, FleetReplica } from './gateway';
import { activeReplicaStates, gatewayMoves, GatewayState, isLive, ReplicaState, type GatewayMove } from './lifecycle';
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
  const live = replicas.filter(isLive);
  if (gateway.deletionMarkedAt) return { ...nothing, retire: retirements(gateway, live), over: live.length === 0 };
  const move = verdict(gateway, replicas, facts.backend);
  const state = move ? gatewayMoves[move.name].to : gateway.state;
  const scaled = state === GatewayState.failed ? nothing : scaling(state, gateway, replicas, facts);
  const after = live.map((replica) => (scaled.scaleIn.includes(replica.id) ? { ...replica, scaleIn: true } : replica));
  return { ...scaled, move, retire: retirements({ ...gateway, state }, after) };
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

function retirements(gateway: FleetGateway, live: readonly FleetReplica[]): Retirement[] {
  return live.flatMap((replica) => {
    const reason = retirementOf(gateway, replica);
    return reason === null ? [] : [{ replicaId: replica.id, reason }];
  });
}

/** How the gateway's state changes. */
function verdict(gateway: FleetGateway, replicas: readonly FleetReplica[], backend: BackendFacts): Decision['move'] {
  if (gateway.state === GatewayState.submitted) return submission(gateway, backend);
  if (gateway.state !== GatewayState.provisioning) return null;
  const meant = replicas.filter(({ scaleIn }) => !scaleIn);
  if (meant.some(({ state }) => !activeReplicaStates.includes(state)))
    return { name: 'fail', statusMessage: gatewayStatus.replicaFailed };
  const complete = meant.length >= gateway.desiredReplicas && meant.every(runs);
  return complete ? { name: 'run', statusMessage: null } : null;
}

function submission(gateway: FleetGateway, backend: BackendFacts): Decision['move'] {
  if (!backend.available) return { name: 'refuse', statusMessage: gatewayStatus.backendNotAvailable };
  if (gateway.configuration.certificate?.type === 'acm' && !backend.loadBalancer)
    return { name: 'refuse', statusMessage: gatewayStatus.noLoadBalancer };
  return { name: 'provision', statusMessage: null };
}

/** What brings the number of replicas to the one desired. */
function scaling(
  state: GatewayState,
  gateway: FleetGateway,
  replicas: readonly HeldReplica[],
  facts: ScalingFacts,
): Decision {
  const staying = replicas.filter((replica) => activeReplicaStates.includes(replica.state) && !replica.scaleIn);
  const missing = gateway.desiredReplicas - staying.length;
  // The first replicas are no attempt to make up for others.
  if (gateway.state === GatewayState.submitted) return { ...nothing, create: fresh(replicas, missing) };
  if (missing > 0) return scaleOut(gateway, replicas, missing, facts);
  if (missing < 0) return scaleIn(gateway, staying, -missing, facts);
  return state === GatewayState.running ? steadied(gateway, staying, facts) : nothing;
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
  staying: readonly HeldReplica[],
  excess: number,
  { now, policy: { heldLookMs } }: ScalingFacts,
): Decision {
  const candidates = staying
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
  staying: readonly FleetReplica[],
  { now, policy: { steadyMs } }: ScalingFacts,
): Decision {
  if (gateway.scaleAttempt === 0 || !staying.every(runs)) return nothing;
  const latest = Math.max(...staying.map(({ runningAt, createdAt }) => (runningAt ?? createdAt).getTime()));
  const steadyAt = new Date(latest + steadyMs);
  return now < steadyAt ? { ...nothing, lookAgainAt: steadyAt } : { ...nothing, scaleAttempt: { count: 0, at: null } };
}

function runs({ state }: FleetReplica): boolean {
  return state === ReplicaState.running;
}
