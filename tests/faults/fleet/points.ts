import { provisionSteps, retireSteps } from '../../../domain/fleet/steps';
import { ReplicaState } from '../../../domain/fleet/lifecycle';
import type { Point } from './gate';
import { scripts } from './profile';
import type { CrashRig, Subject } from './rig';

const bothSides = (at: string): Point[] => (['before', 'after'] as const).map((when) => ({ at, when }));

/** Before and after everything that making a replica changes, and before and after each of its steps. */
export function provisionPoints(calls: readonly string[]): Point[] {
  return [
    ...provisionSteps.map(({ name }) => `provision ${name}`),
    ...calls.map((name) => `call ${name}`),
    ...scripts.map((name) => `script ${name}`),
  ].flatMap(bothSides);
}

/** Before and after each step of retiring a replica. */
export const retirePoints: readonly Point[] = retireSteps.flatMap(({ name }) => bothSides(`retire ${name}`));

/** Whether what a point is before or after has happened; undefined for what leaves no trace. */
export async function hasHappened(rig: CrashRig, subject: Subject): Promise<boolean | undefined> {
  const { organizationId: key } = subject;
  const { at } = subject.point!;
  const [kind, name] = at.split(' ') as [string, string];
  if (kind === 'call') return rig.cloud.relay.wasDone({ key, name });
  if (kind === 'script') return rig.gate.count(key, { at, when: 'after' }) > 0;
  const [replica] = await rig.replicas(subject);
  const inPool = (await rig.store.pool.replicas()).some(({ id }) => id === replica?.id);
  switch (at) {
    case 'provision prepare':
      return replica!.createPendingAt !== null;
    case 'provision create':
      return replica!.instanceId !== null && rig.cloud.made.of(key).length > 0;
    case 'provision address':
      return replica!.ssh !== null;
    case 'provision connect':
      return replica!.connectAttempts > 0;
    case 'provision configure':
      return replica!.appliedProfile !== null;
    case 'provision join':
      return inPool && replica!.state === ReplicaState.running;
    case 'retire withdraw':
      return replica!.state === ReplicaState.terminating;
    case 'retire leave':
      return !inPool;
    case 'retire destroy':
      return !(await rig.cloud.machines(rig.owner)).some(({ tags }) => tags.organizationId === key);
    case 'retire settle':
      return replica === undefined || replica.state === ReplicaState.terminated;
    default:
      return undefined;
  }
}
