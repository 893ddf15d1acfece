import { isLive } from '../../../domain/fleet/lifecycle';
import { eventually } from '../../support/eventually';
import type { Arrival, Point } from './gate';
import { hasHappened } from './points';
import { scripts } from './profile';
import type { CrashRig, Subject } from './rig';

/** Milliseconds for many replicas at once to come to their points, or to be done after a kill. */
const PATIENCE_MS = 120_000;

/**
 * Kills the worker when every subject that has a point is held there, having made sure of it.
 * @param how.stillUnderWay whether the calls that are held are on their way to the cloud and go on being held; else they
 * are lost with the worker.
 */
export async function killAtPoints(
  rig: CrashRig,
  subjects: readonly Subject[],
  { stillUnderWay = false } = {},
): Promise<void> {
  const pointed = subjects.filter(({ point }) => point);
  await eachIs(pointed, async (subject) => {
    if (rig.gate.held(subject.organizationId)) return undefined;
    const [replica] = await rig.replicas(subject);
    return `not held, the replica is ${replica?.state} (${replica?.statusMessage})`;
  });
  for (const subject of pointed) {
    const { at, pid } = rig.gate.held(subject.organizationId)!;
    if (/^(provision|retire) /.test(at) && pid !== rig.workerPid)
      throw new Error(`${at} is held in process ${pid}, and the worker is ${rig.workerPid}`);
    const happened = await hasHappened(rig, subject);
    if (happened !== undefined && happened !== (subject.point!.when === 'after'))
      throw new Error(`held ${told(subject.point)}, and its effect has ${happened ? '' : 'not '}happened`);
  }
  await rig.killWorker();
  if (stillUnderWay) return;
  rig.gate.release(
    subjects.map(({ organizationId }) => organizationId),
    afterDeath,
  );
}

/** A call of a dead worker is not sent on, and its answer reaches nobody; what runs on machines goes on. */
function afterDeath({ at }: Arrival): 'go' | 'lost' {
  return at.startsWith('call ') ? 'lost' : 'go';
}

/** Waits until every subject runs, each with the replica that it began with. */
export async function allRun(rig: CrashRig, subjects: readonly Subject[]): Promise<void> {
  await eachIs(subjects, async (subject) => {
    const [gateway, replicas] = [await rig.gateway(subject), await rig.replicas(subject)];
    const states = replicas.map(({ num, generation, state, statusMessage: why }) =>
      [num, generation, state, why && `(${why})`].filter((word) => word !== null).join(' '),
    );
    const is = [gateway?.state ?? 'deleted', ...states].join(', ');
    return is === 'running, 0 1 running' ? undefined : is;
  });
}

/** Waits until every subject is deleted. */
export async function allGone(rig: CrashRig, subjects: readonly Subject[]): Promise<void> {
  await eachIs(subjects, async (subject) => (await rig.gateway(subject))?.state);
}

/** Waits until `wrong` finds nothing wrong with any. */
async function eachIs(
  subjects: readonly Subject[],
  wrong: (subject: Subject) => Promise<string | undefined>,
): Promise<void> {
  await eventually(async () => {
    const found = await Promise.all(subjects.map(async (subject) => ({ subject, is: await wrong(subject) })));
    const lines = found.filter(({ is }) => is !== undefined).map(({ subject, is }) => `${told(subject.point)}: ${is}`);
    if (lines.length > 0) throw new Error(lines.join('\n'));
  }, PATIENCE_MS);
}

/** What is not as it has to be between the cloud and the store; all of it is empty when it is. */
export interface Audit {
  /** Machines of ours that belong to no replica. */
  readonly leaked: string[];
  /** Replicas (with their generation) that have more than one machine. */
  readonly duplicated: string[];
  /** Replicas whose machine is not there. */
  readonly missing: string[];
  /** Scripts that were begun more than once. */
  readonly repeated: string[];
}

/** Compares what the cloud lists as ours with the rows of replicas. */
export async function audit(rig: CrashRig, subjects: readonly Subject[]): Promise<Audit> {
  const machines = await rig.cloud.machines(rig.owner);
  const replicas = (await Promise.all(subjects.map((subject) => rig.replicas(subject)))).flat().filter(isLive);
  const ofReplica = (id: string) => machines.filter(({ tags }) => tags.replicaId === id);
  return {
    leaked: machines
      .filter(({ instanceId }) => !replicas.some((replica) => replica.instanceId === instanceId))
      .map(({ instanceId }) => instanceId),
    duplicated: replicas
      .filter(({ id }) => ofReplica(id).length > 1)
      .map(({ id, generation }) => `${id} (${generation})`),
    missing: replicas
      .filter(({ instanceId }) => !machines.some((machine) => machine.instanceId === instanceId))
      .map(({ id }) => id),
    repeated: subjects.flatMap(({ organizationId: key }) =>
      scripts
        .filter((name) => rig.gate.count(key, { at: `script ${name}`, when: 'before' }) > 1)
        .map((name) => `${name} of ${key}`),
    ),
  };
}

/** The audit of a world in which everything is right. */
export const clean: Audit = { leaked: [], duplicated: [], missing: [], repeated: [] };

/** A point in words, as in «before call RunInstances». */
export function told(point: Point | undefined): string {
  return point ? `${point.when} ${point.at}` : 'anywhere';
}
