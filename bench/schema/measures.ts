import { setTimeout as sleep } from 'node:timers/promises';
import type { Timed } from './engine-child';
import { all, atLeast, atMost, percentile, short, summary, type Row } from '../figures';
import { copyRate, LONGEST_STALL_MS, longestOf, writes, type Rig } from './rig';
import type { Written } from './writers';

const throttles = [0, 0.5, 0.95] as const;

/** Copying and comparing while nobody writes, beside what the server does by itself. */
export async function benchCopy(rig: Rig): Promise<Row[]> {
  const { server, plan } = rig;
  const group = `${server.name}: ${plan.rows} rows, no writers`;
  const [limits, copies, proofs]: [number[], number[], number[]] = [[], [], []];
  await rig.refill();
  for (let round = 0; round < plan.rounds; round++) {
    rig.say(`${server.name}: copying, round ${round + 1} of ${plan.rounds}`);
    limits.push(await rig.measureLimit());
    await rig.change(async (engine) => {
      await engine.run('prepare');
      copies.push(rig.rate((await engine.run('copy')).ms));
      const { ms, result } = await engine.prove();
      proofs.push(rig.rate(ms, result.rowsCompared));
      await engine.run('cancel');
    });
  }
  const rows: Row[] = [
    { group, name: 'INSERT .. SELECT', ...rates(limits) },
    {
      ...{ group, name: 'copy', ...rates(copies) },
      bar: atLeast(percentile(copies, 50) / (await rig.limit()), 0.6, 'of INSERT .. SELECT'),
    },
    { group, name: 'proof', ...rates(proofs), bar: atLeast(percentile(proofs, 50), 1_000_000, 'rows/s') },
  ];
  for (const throttle of throttles.slice(1)) rows.push(...(await slowed(rig, group, throttle)));
  return rows;
}

async function slowed(rig: Rig, group: string, throttle: number): Promise<Row[]> {
  const { server, plan, say } = rig;
  say(`${server.name}: copying and comparing at throttle ${throttle}`);
  const copy = await rig.change(async (engine) => {
    await engine.run('prepare');
    const copied = copyRate(await engine.run('copy', { throttle, forMs: plan.slowSeconds * 1_000 }));
    await engine.run('cancel');
    return copied;
  });
  const proof = await rig.change(async (engine) => {
    await engine.run('prepare');
    await engine.run('copy');
    const { ms, result } = await engine.prove(throttle);
    await engine.run('cancel');
    return rig.rate(ms, result.rowsCompared);
  });
  return [
    { group, name: `copy at throttle ${throttle}`, p50: copy, unit: 'rows/s' },
    { group, name: `proof at throttle ${throttle}`, p50: proof, unit: 'rows/s' },
  ];
}

/** What the triggers cost a writer, without and with them in turns. */
export async function benchTrigger(rig: Rig): Promise<Row[]> {
  const { server, plan } = rig;
  const group = `${server.name}: a writer's milliseconds, 2,000 writes a second`;
  await rig.refill();
  const [without, with_]: [Written[], Written[]] = [[], []];
  await rig.writing(async (writers) => {
    await sleep(1_000);
    for (let round = 0; round < plan.rounds; round++) {
      rig.say(`${server.name}: writing without and with triggers, round ${round + 1} of ${plan.rounds}`);
      without.push((await writers.during(async () => await sleep(plan.seconds * 1_000))).written);
      await rig.change(async (engine) => {
        await engine.run('prepare');
        with_.push((await writers.during(async () => await sleep(plan.seconds * 1_000))).written);
        await engine.run('cancel');
      });
    }
  });
  const p50 = (turns: readonly Written[]): number =>
    percentile(
      turns.map((turn) => summary(turn.latencies).p50),
      50,
    );
  const cost = p50(with_) / p50(without);
  return [
    { group, name: 'without triggers', ...writes(together(without)) },
    { group, name: 'with triggers', ...writes(together(with_)), bar: atMost(cost, 1.3, 'p50, times that without') },
  ];
}

/** Copying and comparing while others write. */
export async function benchWriters(rig: Rig): Promise<Row[]> {
  const { server, plan } = rig;
  const group = `${server.name}: ${plan.rows} rows, 2,000 writes a second`;
  const limit = await rig.limit();
  const rows: Row[] = [];
  for (const throttle of throttles) {
    rig.say(`${server.name}: copying under writers at throttle ${throttle}`);
    await rig.refill();
    await rig.writing(async (writers) => {
      await sleep(500);
      await rig.change(async (engine) => {
        await engine.run('prepare');
        const copying = async (): Promise<Timed> =>
          throttle === 0
            ? await engine.copyAll(plan.copySeconds * 1_000)
            : await engine.run('copy', { throttle, forMs: plan.slowSeconds * 1_000 });
        const copy = await writers.during(copying);
        const rate = throttle === 0 ? rig.rate(copy.result.ms) : copyRate(copy.result);
        const bar = throttle === 0 ? { bar: atLeast(rate / limit, 0.4, 'of INSERT .. SELECT') } : {};
        rows.push({ group, name: `copy at throttle ${throttle}`, p50: rate, unit: 'rows/s', ...bar });
        rows.push({ group, name: '  its writers', ...writes(copy.written) });
        if (throttle === 0) {
          const proof = await writers.during(async () => await engine.prove());
          const proven = rig.rate(proof.result.ms, proof.result.result.rowsCompared);
          rows.push({ group, name: 'proof', p50: proven, unit: 'rows/s' });
          rows.push({ group, name: '  its writers', ...writes(proof.written) });
        }
        await engine.run('cancel');
      });
    });
  }
  return rows;
}

/** Swapping there and back under writers. A stall is what a writer waits, from a call's beginning to a second after it. */
export async function benchSwaps(rig: Rig): Promise<Row[]> {
  const { server, plan } = rig;
  const group = `${server.name}: swaps, 2,000 writes a second`;
  await rig.refill();
  const found = { 'cut-over': [] as Written[], revert: [] as Written[] };
  const calls: Record<keyof typeof found, Timed[]> = { 'cut-over': [], revert: [] };
  await rig.writing(async (writers) => {
    await rig.change(async (engine) => {
      rig.say(`${server.name}: swapping`);
      await engine.run('prepare');
      await engine.copyAll(plan.copySeconds * 1_000);
      await engine.prove();
      const swap = async (verb: 'cutOver' | 'revert' | 'reapply'): Promise<void> => {
        const name = verb === 'revert' ? 'revert' : 'cut-over';
        const { result, written } = await writers.during(async () => await engine.swap(verb), 1_000);
        found[name].push(written);
        calls[name].push(result);
        await engine.following(async () => await sleep(1_000));
      };
      for (let round = 0; round < plan.rounds; round++) {
        await swap(round === 0 ? 'cutOver' : 'reapply');
        await swap('revert');
      }
      await engine.prove();
      await engine.run('finish');
    });
  });
  return (['cut-over', 'revert'] as const).map((name) => {
    const written = together(found[name]);
    const took = calls[name].map(({ ms }) => short(ms)).join(', ');
    const { note, ...figures } = writes(written);
    const bars = [atMost(figures.p99!, 25, 'p99'), atMost(longestOf(written), LONGEST_STALL_MS, 'longest')];
    return { group, name, ...figures, bar: all(...bars), note: `${note}; the calls took ${took} ms` };
  });
}

/** What the writers of all parts found in the end. */
export function ledgerRow({ server, ledger: { checked, wrongCount, wrong } }: Rig): Row {
  const note = `${checked} rows looked at${wrong.length > 0 ? `: ${wrong.slice(0, 3).join('; ')}` : ''}`;
  return {
    group: `${server.name}: the writers' ledgers`,
    name: 'wrong rows',
    count: wrongCount,
    note,
    bar: atMost(wrongCount, 0, 'wrong'),
  };
}

function rates(samples: readonly number[]): Partial<Row> {
  return { count: samples.length, p50: percentile(samples, 50), unit: 'rows/s' };
}

function together(turns: readonly Written[]): Written {
  return {
    latencies: turns.flatMap(({ latencies }) => latencies),
    refused: turns.reduce((sum, { refused }) => sum + refused, 0),
    seconds: turns.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
