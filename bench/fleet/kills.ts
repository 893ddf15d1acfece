import { clean, type Audit } from '../../tests/faults/fleet/kill';
import { moto, strictDouble } from '../../tests/faults/fleet/ec2';
import { podman } from '../../tests/faults/fleet/podman';
import { CrashRig, type OpenCloud } from '../../tests/faults/fleet/rig';
import { everyPoint, lateCalls, randomRound, type Round } from '../../tests/faults/fleet/rounds';
import { Random } from '../../tests/support/random';
import type { Row } from '../figures';

/** Milliseconds by which the double's reads may lag. */
const LAG_MS = 2_000;

const clouds: Record<string, OpenCloud> = {
  'EC2 (strict double)': (gate) => strictDouble(gate, LAG_MS),
  'EC2 (moto, which ignores client tokens)': (gate, directory) => moto(gate, `${directory}/moto.log`),
  'docker (podman)': (gate) => podman(gate),
};

/** What is killed. */
export interface KillsPlan {
  /** Rounds with a kill at every point. */
  readonly everyPoint: number;
  /** Rounds with kills at random. */
  readonly random: number;
  /** Calls that arrive late. */
  readonly late: number;
  readonly seed: number;
}

/** The crash table: a row for each cloud and way of killing, with what was leaked, there twice, or run twice. */
export async function benchFleetKills(plan: KillsPlan, say: (text: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, open] of Object.entries(clouds)) {
    say(`kill -9 of the worker, ${name}`);
    const rig = await CrashRig.start(open);
    try {
      await rig.startWorker();
      const random = new Random(plan.seed);
      const group = `kill -9 of the worker while replicas are made and retired: ${name}`;
      rows.push(
        row(group, 'before and after every effect', await repeat(plan.everyPoint, () => everyPoint(rig), say)),
        row(group, `at random, seed ${plan.seed}`, await repeat(plan.random, () => randomRound(rig, random), say)),
      );
      say('calls that arrive late');
      const { late, audit } = await lateCalls(rig, plan.late);
      rows.push({
        ...{ group, name: 'calls under way that arrive late' },
        note: `${plan.late} calls, ${late} machines made by them; after a sweep: ${found([audit])}`,
        bar: { text: 'nothing left of them', met: isClean([audit]) },
      });
    } finally {
      await rig.close();
    }
  }
  return rows;
}

async function repeat(count: number, work: () => Promise<Round>, say: (text: string) => void): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let i = 1; i <= count; i++) {
    rounds.push(await work());
    const { points, audits } = rounds.at(-1)!;
    say(`${i} of ${count}: ${points.length > 5 ? `${points.length} points` : points.join(', ')}`);
    if (!isClean(Object.values(audits))) say(`  ${JSON.stringify(audits)}`);
  }
  return rounds;
}

function row(group: string, name: string, rounds: readonly Round[]): Row {
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const audits = rounds.flatMap((round) => Object.values(round.audits));
  const counts = [
    `${rounds.length} rounds`,
    `${sum(({ kills }) => kills)} kills`,
    `${sum(({ points }) => points.filter((point) => point !== 'anywhere').length)} points hit`,
    `${sum(({ made }) => made.length)} replicas`,
    `${sum(({ made }) => made.reduce((all, one) => all + one, 0))} machines made`,
  ];
  return {
    ...{ group, name, note: `${counts.join(', ')}: ${found(audits)}` },
    bar: { text: '0 leaked, 0 duplicated', met: rounds.length > 0 && isClean(audits) },
  };
}

function found(audits: readonly Audit[]): string {
  const count = (of: keyof Audit): number => audits.reduce((sum, audit) => sum + audit[of].length, 0);
  const words = (Object.keys(clean) as (keyof Audit)[]).map((of) => `${count(of)} ${of}`);
  return words.join(', ');
}

function isClean(audits: readonly Audit[]): boolean {
  return audits.every((audit) => Object.values(audit).every((list: string[]) => list.length === 0));
}
