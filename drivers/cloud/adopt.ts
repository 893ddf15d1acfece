import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, isFailure } from '../../domain/failures';
import { isUsable, MachineState, type Machine, type MachineSpec } from '../../domain/fleet/machine';
import type { Cloud } from './cloud';

/** What is known from earlier attempts at the same machine. */
export interface AdoptOptions {
  /** Whether a create with this token may have been sent before. */
  readonly repeated: boolean;
  /** The instance id that is on record, if one is. */
  readonly recorded?: string | null;
  readonly signal?: AbortSignal;
}

/** What came of {@link createOrAdopt}. */
export interface Adopted {
  readonly machine: Machine;
  /** False where this very call made it. */
  readonly adopted: boolean;
  /** Instance ids of further machines with the token, whose destruction has begun. */
  readonly extras: readonly string[];
}

/** Milliseconds between two looks for a machine that reads may not show yet. */
const LOOK_MS = 250;

/**
 * The one way to a machine: at most one stays per token, whatever answers are lost, on backends that promise nothing.
 * It looks before it creates, looks again after it created or when the answer was lost, and destroys all but one.
 *
 * The rule by which everybody who looks picks the same one: the one on record, else the oldest, else the smallest id.
 * @throws Failure MACHINE_GONE where the token's machine is on its way out: a replica has one machine in its life; the
 * failures of {@link Cloud}, of which the retryable ones may be answered by the same call with `repeated`.
 */
export async function createOrAdopt(cloud: Cloud, spec: MachineSpec, options: AdoptOptions): Promise<Adopted> {
  const present = await look(cloud, spec, options);
  if (present.length > 0) return await adopt(cloud, spec, present, options);
  let created: Machine;
  try {
    created = await cloud.create(spec, options.signal);
  } catch (error) {
    if (!isFailure(error) || (error.code !== 'CLOUD_OUTCOME_UNKNOWN' && error.code !== 'CLOUD_CONFLICT')) throw error;
    const { owner, token } = spec.tags;
    const after = await cloud.find(owner, token, options.signal);
    if (after.length === 0) throw error;
    return await adopt(cloud, spec, after, options);
  }
  const all = await cloud.find(spec.tags.owner, spec.tags.token, options.signal);
  if (!all.some(({ instanceId }) => instanceId === created.instanceId)) all.push(created);
  if (all.length === 1) return { machine: created, adopted: false, extras: [] };
  const chosen = await adopt(cloud, spec, all, options);
  return { ...chosen, adopted: chosen.machine.instanceId !== created.instanceId };
}

/** Orders the machines of one token: the one to keep comes first. */
export function byPrecedence(recorded?: string | null): (one: Machine, other: Machine) => number {
  const rank = (machine: Machine): readonly number[] => [
    machine.instanceId === recorded ? 0 : 1,
    isUsable(machine) ? 0 : 1,
    machine.createdAt?.getTime() ?? Number.MAX_SAFE_INTEGER,
  ];
  return (one, other) => {
    const [a, b] = [rank(one), rank(other)];
    const differs = a.findIndex((value, index) => value !== b[index]);
    if (differs >= 0) return a[differs]! - b[differs]!;
    return one.instanceId < other.instanceId ? -1 : 1;
  };
}

async function look(cloud: Cloud, { tags }: MachineSpec, options: AdoptOptions): Promise<Machine[]> {
  const { clientToken, readLagMs } = cloud.capabilities;
  // A backend that knows the token answers a second create with the machine that reads do not show yet.
  const until = options.repeated && !clientToken ? Date.now() + readLagMs : 0;
  for (;;) {
    const found = await cloud.find(tags.owner, tags.token, options.signal);
    if (found.length > 0 || Date.now() >= until) return found;
    await sleep(LOOK_MS, undefined, { signal: options.signal });
  }
}

async function adopt(
  cloud: Cloud,
  spec: MachineSpec,
  machines: readonly Machine[],
  { recorded, signal }: AdoptOptions,
): Promise<Adopted> {
  const [kept, ...others] = [...machines].sort(byPrecedence(recorded));
  // Before the kept one is used: a failure here is followed by another attempt, which sees them again.
  for (const { instanceId } of others) await cloud.terminate(spec.tags.owner, instanceId, signal);
  const extras = others.map(({ instanceId }) => instanceId);
  if (!isUsable(kept!)) {
    throw new Failure('MACHINE_GONE', `the machine ${kept!.instanceId} is ${kept!.state}`, { data: { extras } });
  }
  const unfinished = kept!.state === MachineState.pending && cloud.complete;
  const machine = unfinished ? await unfinished.call(cloud, kept!, spec, signal) : kept!;
  return { machine, adopted: true, extras };
}
