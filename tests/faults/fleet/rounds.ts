import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually';
import type { Random } from '../../support/random';
import { allGone, allRun, audit, killAtPoints, told, type Audit } from './kill';
import { provisionPoints, retirePoints } from './points';
import type { CrashRig } from './rig';

/** What became of replicas whose worker was killed. */
export interface Round {
  /** Where it was killed, one by replica. */
  readonly points: string[];
  /** kill -9 of the worker. */
  readonly kills: number;
  /** Machines that were made, by replica: more than one where a cloud made another on a repeated call. */
  readonly made: number[];
  /** When all replicas ran, and when all were deleted. */
  readonly audits: { readonly running: Audit; readonly deleted: Audit };
}

/**
 * Kills the worker once while replicas are held at every point of their making, one each, and once more at those of their
 * retiring. Every replica runs in the end, and is gone in the end.
 * @param how.ofCloudAlone whether it is only killed before and after the calls of the cloud, and the step that makes them.
 */
export async function everyPoint(rig: CrashRig, { ofCloudAlone = false } = {}): Promise<Round> {
  const points = provisionPoints(rig.cloud.calls).filter(({ at }) => !ofCloudAlone || /^call | create$/.test(at));
  const subjects = await Promise.all(points.map((point) => rig.declare(point)));
  await killAtPoints(rig, subjects);
  await rig.startWorker();
  await allRun(rig, subjects);
  const running = await audit(rig, subjects);
  const made = subjects.map(({ organizationId }) => rig.cloud.made.of(organizationId).length);

  const leaving = subjects.map((subject, i) => ({ ...subject, point: retirePoints[i % retirePoints.length]! }));
  for (const { organizationId, point } of leaving) rig.gate.set(organizationId, point);
  await Promise.all(leaving.map((subject) => rig.remove(subject)));
  await killAtPoints(rig, leaving);
  await rig.startWorker();
  await allGone(rig, leaving);
  const deleted = await audit(rig, leaving);
  const all = [...subjects, ...leaving];
  return { points: all.map(({ point }) => told(point)), kills: 2, made, audits: { running, deleted } };
}

/** Milliseconds that making a replica takes at most where nothing is killed; a kill comes at any time within. */
const MAKING_MS = 3_000;

/**
 * Kills the worker at random: two replicas are held at points of their making, the third is wherever it is. Half of the
 * time it is killed again while it makes up for that, and half of the time while the replicas are taken down.
 */
export async function randomRound(rig: CrashRig, random: Random): Promise<Round> {
  const { workerKills } = rig;
  const points = provisionPoints(rig.cloud.calls);
  const subjects = await Promise.all(
    [random.pick(points), random.pick(points), undefined].map((point) => rig.declare(point)),
  );
  await killAtPoints(rig, subjects);
  await sleep(random.between(0, 500));
  await rig.startWorker();
  if (random.next() < 0.5) await killAgain(rig, random);
  await allRun(rig, subjects);
  const running = await audit(rig, subjects);
  const made = subjects.map(({ organizationId }) => rig.cloud.made.of(organizationId).length);
  await Promise.all(subjects.map((subject) => rig.remove(subject)));
  if (random.next() < 0.5) await killAgain(rig, random);
  await allGone(rig, subjects);
  return {
    ...{ points: subjects.map(({ point }) => told(point)), kills: rig.workerKills - workerKills, made },
    audits: { running, deleted: await audit(rig, subjects) },
  };
}

async function killAgain(rig: CrashRig, random: Random): Promise<void> {
  await sleep(random.between(0, MAKING_MS));
  await rig.killWorker();
  await sleep(random.between(0, 500));
  await rig.startWorker();
}

/**
 * Has the calls that make machines arrive at the cloud late: their worker was killed while they were under way, and its
 * successor has made the replicas by then. What comes of them is found by a sweep, at the latest.
 * @returns how many machines came of the late calls, and what is left when a sweep has been.
 */
export async function lateCalls(rig: CrashRig, count: number): Promise<{ late: number; audit: Audit }> {
  const point = { at: `call ${rig.cloud.makes}`, when: 'before' } as const;
  const subjects = await Promise.all(Array.from({ length: count }, () => rig.declare(point)));
  const keys = subjects.map(({ organizationId }) => organizationId);
  await killAtPoints(rig, subjects, { stillUnderWay: true });
  await rig.startWorker();
  await allRun(rig, subjects);
  const before = keys.map((key) => rig.cloud.made.of(key).length);
  const answered = keys.map((key) => rig.gate.count(key, { ...point, when: 'after' }));
  rig.gate.release(keys);
  await eventually(() => {
    const isAnswered = (key: string, i: number): boolean =>
      rig.gate.count(key, { ...point, when: 'after' }) > answered[i]!;
    if (!keys.every(isAnswered)) throw new Error('a late call was not answered');
  });
  const late = keys.reduce((sum, key, i) => sum + rig.cloud.made.of(key).length - before[i]!, 0);
  await rig.sweep();
  const left = await audit(rig, subjects);
  await Promise.all(subjects.map((subject) => rig.remove(subject)));
  await allGone(rig, subjects);
  return { late, audit: left };
}
