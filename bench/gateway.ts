import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import type { Placements } from '../domain/gateway/contract';
import { all, atLeast, atMost, percentile, short, summary, type Row } from './figures';
import { lookInside } from './inside';
import type { Plan } from './plan';
import type { Stage } from './stage';
import { bareWorker } from './stage';
import {
  bareSteps,
  bareTemporal,
  burst,
  sustain,
  takeTurns,
  throughApi,
  throughTemporal,
  type Measured,
} from './starts';

/** Tells what is being measured. */
export type Say = (text: string) => void;

/** Replicas of the pool that {@link benchStarts} needs. */
export const poolSize = 500;

const everywhere = (place: 'local' | 'regular'): Placements => ({ store: place, dns: place, handshake: place });

/** Everything about starts whose components live: one at a time, failing, at once, sustained. */
export async function benchStarts(stage: Stage, plan: Plan, where: string, say: Say): Promise<Row[]> {
  const rows: Row[] = [];
  const { placements } = stage.settings;

  await stage.route(10);
  say('one at a time, 10 organizations routed');
  const few = await takeTurns(stage, [bareSteps(stage), throughApi(stage)], plan.fewRounds);

  await stage.route(1_000);
  say('one at a time, 1,000 organizations routed');
  const ways = [bareSteps(stage), bareTemporal(stage, placements), throughTemporal(stage), throughApi(stage)];
  const [bare, plain, client, api] = (await takeTurns(stage, ways, plan.rounds)) as [
    Measured,
    Measured,
    Measured,
    Measured,
  ];
  const group = `one start at a time, 1,000 organizations routed${where}`;
  const [p50, p99] = [percentile(bare.ms, 50), percentile(bare.ms, 99)];
  const ratio = (measured: Measured): number => percentile(measured.ms, 50) / percentile(plain.ms, 50);
  rows.push(
    { group, name: ways[0]!.name, ...summary(bare.ms), note: cpuNote(bare) },
    { group, name: ways[1]!.name, ...summary(plain.ms), note: cpuNote(plain) },
    {
      group,
      name: ways[2]!.name,
      ...summary(client.ms),
      note: `${short(ratio(client))} x bare Temporal; ${cpuNote(client)}`,
    },
    {
      ...{
        group,
        name: ways[3]!.name,
        ...summary(api.ms),
        note: `${short(ratio(api))} x bare Temporal; ${cpuNote(api)}`,
      },
      bar: all(
        atMost(percentile(api.ms, 50), p50 + 60, 'p50'),
        atMost(percentile(api.ms, 99), p99 + 150, 'p99'),
        atMost(ratio(api), 1.3, 'x bare Temporal'),
      ),
    },
  );
  const inside = await lookInside(stage, api.runIds);
  const parts = Object.entries(inside.steps).map(([step, ms]) => `${step} ${ms}`);
  rows.push({
    ...{ group, name: 'inside one of these' },
    note: `${inside.events} events, ${inside.workflowTasks} workflow tasks, ${inside.journalEntries} journal entries; ms by step: ${parts.join(', ')}; first to last entry ${inside.journalled}`,
  });

  say('placements');
  const regular = { placements: everywhere('regular') };
  const mixed = { placements: { store: 'local', dns: 'regular', handshake: 'regular' } as const };
  const places = [
    throughTemporal(stage, { placements: everywhere('local') }, 'all local, publishing regular'),
    throughTemporal(stage, mixed, 'store local, dns and handshake regular'),
    throughTemporal(stage, regular, 'all regular'),
    { ...bareTemporal(stage, everywhere('regular')), name: 'bare Temporal, all regular' },
  ];
  const placed = await takeTurns(stage, places, plan.fewRounds);
  placed.forEach((measured, i) =>
    rows.push({
      ...{ group: `by placement, 1,000 organizations routed${where}`, name: places[i]!.name },
      ...{ ...summary(measured.ms), note: cpuNote(measured) },
    }),
  );

  rows.push(await benchFailing(stage, plan, where, say));
  rows.push(...(await benchLoad(stage, plan, where, say)));

  await stage.route(10_000);
  say('one at a time, 10,000 organizations routed');
  const many = await takeTurns(stage, [bareSteps(stage), throughApi(stage)], plan.fewRounds);
  const flat = percentile(many[1]!.ms, 50) / percentile(few[1]!.ms, 50);
  const other = `one start at a time, other sizes${where}`;
  rows.push(
    { group: other, name: 'bare steps, 10 routed', ...summary(few[0]!.ms) },
    { group: other, name: 'Gatewright, HTTP API, 10 routed', ...summary(few[1]!.ms) },
    { group: other, name: 'bare steps, 10,000 routed', ...summary(many[0]!.ms) },
    {
      ...{ group: other, name: 'Gatewright, HTTP API, 10,000 routed', ...summary(many[1]!.ms) },
      bar: atMost(flat, 1.5, 'p50 with 10,000 / with 10'),
    },
  );
  return rows;
}

async function benchFailing(stage: Stage, plan: Plan, where: string, say: Say): Promise<Row> {
  say('starts that fail at the handshake');
  const ms: number[] = [];
  for (let i = 0; i < plan.failing; i++) {
    await stage.replicas.refusing(async () => {
      await sleep(130);
      const began = performance.now();
      const { status, body } = await stage.call('/gateway/start', { organization_id: randomUUID() });
      ms.push(performance.now() - began);
      if (body['code'] !== 'HANDSHAKE_FAILED')
        throw new Error(`a refused handshake answered ${status}: ${JSON.stringify(body)}`);
    });
  }
  const name = 'failed at the handshake, taken back and answered';
  return { group: `a start that fails, 1,000 organizations routed${where}`, name, ...summary(ms) };
}

async function benchLoad(stage: Stage, plan: Plan, where: string, say: Say): Promise<Row[]> {
  const rows: Row[] = [];
  const atOnce = `100 starts at once, HTTP API, 1,000 organizations routed${where}`;
  for (let i = 1; i <= plan.bursts; i++) {
    say(`100 at once (${i})`);
    const { ms, allMs, reloads } = await burst(stage, throughApi(stage), 100);
    rows.push({
      ...{ group: atOnce, name: `all done after ${short(allMs / 1000)} s`, ...summary(ms) },
      note: `${reloads} reloads of an edge`,
      bar: all(atMost(allMs / 1000, 3.5, 'all done s'), atMost(reloads, 15, 'reloads')),
    });
  }
  for (const inFlight of [1, 16, 64]) {
    say(`sustained, ${inFlight} in flight`);
    const load = await sustain(stage, throughApi(stage), { inFlight, seconds: plan.seconds, pool: poolSize });
    rows.push({
      ...{ group: `sustained, HTTP API: starts that ended in a time, each on a free replica${where}` },
      ...{ name: `${inFlight} in flight: ${short(load.perSecond)} starts/s`, ...summary(load.ms) },
      note: `${short(load.reloadsPerSecond)} reloads/s; ${cpuNote(load)}`,
      ...(inFlight === 64 && { bar: atLeast(load.perSecond, 30, 'starts/s') }),
    });
  }
  return rows;
}

/** CPU by start in words; the edges as one, and only what matters. */
function cpuNote({ cpu }: Pick<Measured, 'cpu'>): string {
  const sums: Record<string, number> = {};
  for (const [component, ms] of Object.entries(cpu)) {
    const name = component.startsWith('edge-') ? 'nginx' : component;
    sums[name] = (sums[name] ?? 0) + ms;
  }
  const order = ['api', 'worker', bareWorker, 'temporal', 'nginx', 'powerdns'];
  const parts = order.flatMap((name) => ((sums[name] ?? 0) >= 0.5 ? [`${name} ${short(sums[name]!)}`] : []));
  return `CPU ms: ${parts.join(', ')}`;
}
