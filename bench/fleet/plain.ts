import type { Profile } from '../../domain/fleet/profile';
import type { CrashRig, Subject } from '../../tests/faults/fleet/rig';

/** A profile that asks next to nothing of a machine: what is measured with it is everything else. */
export function plainProfile(sickFile = '/nonexistent'): Profile {
  return {
    name: 'plain',
    values: {},
    files: [{ path: 'etc/plain.conf', mode: '0644', content: 'plain\n' }],
    scripts: [{ name: 'plain', content: ':', timeoutMs: 10_000, runs: 'once per revision' }],
    health: { kind: 'script', content: `[ ! -e '${sickFile}' ]`, timeoutMs: 5_000 },
  };
}

/** Milliseconds between two looks while something short is measured. */
const LOOK_MS = 5;
/** Milliseconds after which what is waited for counts as lost. */
const DEADLINE_MS = 300_000;

/** Waits until something holds. @returns the milliseconds since `began`. */
export async function until(
  began: number,
  what: string,
  holds: () => boolean | Promise<boolean>,
  lookMs = LOOK_MS,
): Promise<number> {
  while (!(await holds())) {
    if (performance.now() - began > DEADLINE_MS) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return performance.now() - began;
}

/** Waits until a gateway runs. @throws Error when it fails. */
export async function untilRunning(rig: CrashRig, subject: Subject, began: number, lookMs?: number): Promise<number> {
  return await until(
    began,
    'a gateway runs',
    async () => {
      const gateway = await rig.gateway(subject);
      if (gateway?.state !== 'failed') return gateway?.state === 'running';
      const [replica] = await rig.replicas(subject);
      throw new Error(`a gateway failed: ${gateway.statusMessage}: ${replica?.statusMessage}`);
    },
    lookMs,
  );
}

/** Deletes gateways and waits until they are gone. */
export async function takeDown(rig: CrashRig, subjects: readonly Subject[]): Promise<void> {
  await Promise.all(subjects.map((subject) => rig.remove(subject)));
  for (const subject of subjects)
    await until(performance.now(), 'a gateway is gone', async () => (await rig.gateway(subject)) === null, 50);
}
