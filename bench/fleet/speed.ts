import { rmSync, writeFileSync } from 'node:fs';
import type { Profile } from '../../domain/fleet/profile';
import { moto, strictDouble } from '../../tests/faults/fleet/ec2';
import { podman } from '../../tests/faults/fleet/podman';
import { CrashRig, type OpenCloud, type Subject } from '../../tests/faults/fleet/rig';
import { SilentProxy } from '../../tests/ssh/silent-proxy';
import type { FleetPolicy } from '../../domain/fleet/policy';
import { all, atMost, percentile, short, summary, type Row } from '../figures';
import { BareReplicas } from './bare';
import { plainProfile, takeDown, until, untilRunning } from './plain';

type Say = (text: string) => void;

/** How much is measured. */
export interface SpeedPlan {
  /** Replicas made one at a time on moto. */
  readonly creates: number;
  /** The same on docker, and gateways of ten replicas. */
  readonly containers: number;
  /** Deletions in the middle of a connect, and replicas that fall ill. */
  readonly few: number;
}

const worker = 'cli/main';

/** Works on a rig of its own, with the policy that holds where nothing is configured but for what is told. */
async function on<T>(open: OpenCloud, change: Partial<FleetPolicy>, work: (rig: CrashRig) => Promise<T>): Promise<T> {
  const rig = await CrashRig.start(open, change);
  try {
    await rig.startWorker(worker);
    return await work(rig);
  } finally {
    await rig.close();
  }
}

/** How long things take that happen to one gateway at a time. */
export async function benchFleetSpeed(plan: SpeedPlan, say: Say): Promise<Row[]> {
  const rows: Row[] = [];
  say('creating on moto');
  const onMoto: OpenCloud = (gate, directory) => moto(gate, `${directory}/moto.log`);
  rows.push(
    ...(await on(onMoto, {}, (rig) => creates(rig, plan.creates, plainProfile(), { limitMs: 1_500, whole: true }))),
  );
  say('deleting in the middle of a connect');
  rows.push(await deletions(plan.few));
  say('falling ill');
  rows.push(await illnesses(plan.few));
  say('creating on podman');
  rows.push(
    ...(await on(
      (gate) => podman(gate),
      {},
      async (rig) => [
        ...(await creates(rig, plan.containers, null, { limitMs: 400 })),
        ...(await ten(rig, plan.containers)),
      ],
    )),
  );
  return rows;
}

/** One gateway of one replica at a time, taking turns with the same in plain code. */
async function creates(
  rig: CrashRig,
  rounds: number,
  profile: Profile | null,
  bar: { limitMs: number; whole?: boolean },
): Promise<Row[]> {
  const bare = new BareReplicas(rig);
  const [ours, plain]: [number[], number[]] = [[], []];
  // The first of each is not counted: caches, connections, compiled code.
  for (let round = -1; round < rounds; round++) {
    const bareMs = await bare.make(profile);
    const began = performance.now();
    const subject = await rig.declare(undefined, { profile });
    const ms = await untilRunning(rig, subject, began);
    if (round >= 0) {
      plain.push(bareMs);
      ours.push(ms);
    }
    await Promise.all([takeDown(rig, [subject]), bare.clear()]);
  }
  await bare.close();
  const group = `one replica at a time, ${rig.cloud.name}, ${profile ? 'a plain profile' : 'the default profile'}`;
  const own = percentile(ours, 50) - percentile(plain, 50);
  const bars = [atMost(own, 400, 'beyond bare, ms')];
  if (bar.whole) bars.unshift(atMost(percentile(ours, 50), bar.limitMs, 'p50'));
  return [
    { group, name: 'bare: machine, SSH, scripts, health', ...summary(plain) },
    { group, name: 'from apply to RUNNING', ...summary(ours), bar: all(...bars) },
  ];
}

/** Ten replicas of one gateway against one, from apply to RUNNING, and against ten in plain code. */
async function ten(rig: CrashRig, rounds: number): Promise<Row[]> {
  const bare = new BareReplicas(rig);
  const [one, all10, bare10]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    for (const [replicas, times] of [[1, one] as const, [10, all10] as const]) {
      const began = performance.now();
      const subject = await rig.declare(undefined, { profile: null, replicas });
      times.push(await untilRunning(rig, subject, began));
      await takeDown(rig, [subject]);
    }
    const began = performance.now();
    await Promise.all(Array.from({ length: 10 }, () => bare.make(null)));
    bare10.push(performance.now() - began);
    await bare.clear();
  }
  await bare.close();
  const [p50, bareP50] = [percentile(all10, 50), percentile(bare10, 50)];
  const group = 'ten replicas of one gateway at once, docker (podman), the default profile';
  return [
    { group, name: 'bare: ten machines, SSH, scripts, health', ...summary(bare10) },
    {
      ...{ group, name: 'from apply until all run', ...summary(all10) },
      note: `${short(p50 / bareP50)} x bare; one: ${short(percentile(one, 50))} ms`,
      bar: atMost(p50 / percentile(one, 50), 1.5, 'x one'),
    },
  ];
}

/** From the deletion of a gateway whose replica is being connected to, and never answers, to the end of its machine. */
async function deletions(rounds: number): Promise<Row> {
  const doors: SilentProxy[] = [];
  const open: OpenCloud = (gate) =>
    strictDouble(gate, 0, async (sshd) => {
      const door = await SilentProxy.open(sshd, `127.0.9.${doors.length + 1}`, sshd.port);
      door.fallSilent();
      doors.push(door);
      return `127.0.9.${doors.length}`;
    });
  const [marked, ended]: [number[], number[]] = [[], []];
  await on(open, {}, async (rig) => {
    for (let round = 0; round < rounds; round++) {
      const subject = await rig.declare(undefined, { profile: plainProfile() });
      await until(
        performance.now(),
        'it connects',
        async () => (await rig.replicas(subject))[0]?.connectAttempts === 1,
      );
      const began = performance.now();
      await rig.remove(subject);
      marked.push(
        await until(began, 'it is torn down', async () => (await rig.replicas(subject))[0]?.state === 'terminating'),
      );
      const call = { at: 'call TerminateInstances', when: 'after' } as const;
      ended.push(await until(began, 'its machine is ended', () => rig.gate.count(subject.organizationId, call) > 0));
      await until(began, 'it is gone', async () => (await rig.gateway(subject)) === null);
    }
  });
  doors.forEach((door) => door.close());
  return {
    ...{ group: 'deleting a gateway in the middle of a connect that hangs', name: 'until its machine is told to end' },
    ...summary(ended),
    note: `TERMINATING after ${short(percentile(marked, 50))} ms`,
    bar: atMost(Math.max(...ended), 1_000, 'the longest'),
  };
}

/** From the moment in which a replica's health check would fail until nobody is given the replica any more. */
async function illnesses(rounds: number): Promise<Row> {
  const policy = { healthIntervalMs: 1_000, healthFailures: 3 };
  const ms: number[] = [];
  await on(
    (gate) => strictDouble(gate, 0),
    policy,
    async (rig) => {
      for (let round = 0; round < rounds; round++) {
        const sick = rig.home.path(`sick-${round}`);
        const subject = await rig.declare(undefined, { profile: plainProfile(sick) });
        await untilRunning(rig, subject, performance.now());
        const began = performance.now();
        writeFileSync(sick, '');
        ms.push(await until(began, 'it is withdrawn', () => isWithdrawn(rig, subject)));
        rmSync(sick);
        await takeDown(rig, [subject]);
      }
    },
  );
  const threshold = policy.healthIntervalMs * policy.healthFailures;
  return {
    ...{ group: `a replica that falls ill: ${policy.healthFailures} checks, one a second`, name: 'out of the pool' },
    ...summary(ms),
    bar: atMost(Math.max(...ms) - threshold, 3_000, 'after the threshold, ms'),
  };
}

async function isWithdrawn(rig: CrashRig, subject: Subject): Promise<boolean> {
  const [replica] = await rig.replicas(subject);
  const inPool = (await rig.store.pool.replicas()).find(({ id }) => id === replica!.id);
  return replica!.state !== 'running' && (!inPool || !inPool.ready);
}
