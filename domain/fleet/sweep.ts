import type { FleetReplica } from './gateway';
import { isLive, ReplicaState } from './lifecycle';
import { MachineState, type Machine } from './machine';

/** A machine that nobody should have any more. */
export interface Orphan {
  readonly backend: string;
  readonly machine: Machine;
  /** In a few words, for people. */
  readonly why: string;
}

/** What a backend holds against what the store says it should. */
export interface SweepFindings {
  /** Machines with our tag that belong to no replica, and have been there for longer than the grace. */
  readonly orphans: readonly Orphan[];
  /** Such machines that are younger: their replica may be about to be written. */
  readonly tooYoung: readonly Orphan[];
  /** Replicas whose machine is gone. */
  readonly lost: readonly FleetReplica[];
}

/** What the comparison depends on. */
export interface SweepFacts {
  readonly backend: string;
  /** The owner whose machines are ours; no other machine is ever among the findings. */
  readonly owner: string;
  readonly now: Date;
  /** Milliseconds that a machine must be there before it counts as an orphan. */
  readonly graceMs: number;
  /** Milliseconds for which the backend may not show a machine that it has. */
  readonly readLagMs: number;
}

/**
 * Compares the machines of one backend with the replicas that are in it.
 * @param machines what the backend lists. It must have been asked *after* `replicas` were read for the first time, and
 * `replicas` read again after it, so that neither a replica nor a machine that is new looks as if the other was missing.
 * @param replicas those that are not TERMINATED at either reading, as they are now.
 */
export function compare(
  machines: readonly Machine[],
  replicas: readonly FleetReplica[],
  facts: SweepFacts,
): SweepFindings {
  const ours = machines.filter(({ tags, state }) => tags.owner === facts.owner && state !== MachineState.gone);
  const here = replicas.filter((replica) => replica.backend === facts.backend && isLive(replica));
  const byToken = new Map(here.map((replica) => [replica.token, replica]));
  const found = ours.flatMap((machine): Orphan[] => {
    const why = reason(machine, byToken.get(machine.tags.token ?? ''));
    return why === null || machine.state === MachineState.stopping ? [] : [{ backend: facts.backend, machine, why }];
  });
  const isOld = ({ machine: { createdAt } }: Orphan): boolean =>
    createdAt !== null && facts.now.getTime() - createdAt.getTime() >= facts.graceMs;
  const seen = new Set(ours.map(({ instanceId }) => instanceId));
  const lost = here.filter(
    ({ instanceId, createPendingAt, state }) =>
      instanceId !== null &&
      (state === ReplicaState.running || state === ReplicaState.provisioning) &&
      facts.now.getTime() - createPendingAt!.getTime() > facts.readLagMs &&
      !seen.has(instanceId),
  );
  return { orphans: found.filter(isOld), tooYoung: found.filter((orphan) => !isOld(orphan)), lost };
}

/** Why a machine of ours belongs to nobody; null when it belongs to the replica. */
function reason({ instanceId }: Machine, replica: FleetReplica | undefined): string | null {
  if (!replica) return 'no replica has its token';
  if (replica.instanceId !== null && replica.instanceId !== instanceId)
    return `its replica has another machine, ${replica.instanceId}`;
  return null;
}
