import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { RunKind, startRunId, taskQueue, type Placements, type StartGateway } from '../domain/gateway/contract';
import { bareQueue, bareStart, type BareStart } from './bare-contract';
import { CpuMeter } from './processes';
import type { Stage } from './stage';

/** One way to start a gateway. */
export interface Way {
  readonly name: string;
  /** Starts one and resolves when its caller would know. @returns the run's id, where there is a run. */
  start(): Promise<string | undefined>;
}

/** What was measured of one way. */
export interface Measured {
  readonly ms: number[];
  /** CPU milliseconds of each component by start. */
  readonly cpu: Record<string, number>;
  readonly runIds: string[];
}

/** The steps in plain code. */
export function bareSteps(stage: Stage): Way {
  return { name: 'bare steps', start: async () => void (await stage.bare.start()) };
}

/** The same steps in a plain workflow. */
export function bareTemporal(stage: Stage, placements: Placements): Way {
  return {
    name: 'bare Temporal',
    async start() {
      const { organizationId, allocationId, zone, policy } = stage.input();
      const { stepTimeoutMs, edgeDeadlineMs } = policy;
      const input: BareStart = { organizationId, allocationId, zone, placements, stepTimeoutMs, edgeDeadlineMs };
      const workflowId = `bench-${allocationId}`;
      await stage.client.workflow.execute(bareStart, {
        ...{ workflowId, taskQueue: bareQueue, args: [input], workflowTaskTimeout: '4s' },
      });
      return workflowId;
    },
  };
}

/** Gatewright through its API. */
export function throughApi(stage: Stage): Way {
  return {
    name: 'Gatewright, HTTP API',
    async start() {
      const { status, body } = await stage.call('/gateway/start', { organization_id: randomUUID() });
      if (status !== 200) throw new Error(`POST /gateway/start answered ${status}: ${JSON.stringify(body)}`);
      return String(body['run_id']);
    },
  };
}

/** Gatewright's workflow, started by a client of Temporal. */
export function throughTemporal(stage: Stage, change: Partial<StartGateway> = {}, name?: string): Way {
  return {
    name: name ?? 'Gatewright, Temporal client',
    async start() {
      const input = { ...stage.input(), ...change };
      const workflowId = startRunId(input.allocationId);
      const typedSearchAttributes: SearchAttributePair[] = [
        { key: defineSearchAttributeKey('SagaKind', 'KEYWORD'), value: RunKind.start },
        { key: defineSearchAttributeKey('SagaState', 'KEYWORD'), value: 'running' },
        { key: defineSearchAttributeKey('OrganizationId', 'KEYWORD'), value: input.organizationId },
      ];
      await stage.client.workflow.execute(RunKind.start, {
        ...{ workflowId, taskQueue, args: [input], workflowTaskTimeout: '4s', typedSearchAttributes },
      });
      return workflowId;
    },
  };
}

/** Milliseconds between two starts: nginx's master sleeps 100 ms after a reload before it looks at the next. */
const PAUSE_MS = 130;

/**
 * Starts one at a time, the ways taking turns, so that what else the machine does disturbs all of them alike. What was
 * started is taken down in between, unmeasured.
 */
export async function takeTurns(stage: Stage, ways: readonly Way[], rounds: number): Promise<Measured[]> {
  const measured = ways.map(() => ({
    ms: [] as number[],
    runIds: [] as string[],
    meter: new CpuMeter(() => stage.environment.pids),
  }));
  for (const way of [...ways, ...ways, ...ways]) await way.start(); // caches, connections, compiled code
  for (let round = 0; round < rounds; round++) {
    if (round % 20 === 0) await stage.clear();
    for (let turn = 0; turn < ways.length; turn++) {
      const i = (round + turn) % ways.length;
      await sleep(PAUSE_MS);
      const into = measured[i]!;
      await into.meter.during(async () => {
        const began = performance.now();
        const runId = await ways[i]!.start();
        into.ms.push(performance.now() - began);
        if (runId) into.runIds.push(runId);
      });
    }
  }
  await stage.clear();
  return measured.map(({ ms, runIds, meter }) => ({ ms, runIds, cpu: meter.per(rounds) }));
}

/** What many starts at once came to. */
export interface Burst {
  /** Milliseconds until the last one was done. */
  readonly allMs: number;
  readonly ms: number[];
  /** Reloads of the edge that made most of them. */
  readonly reloads: number;
}

/** Starts many at once. @throws Error when one fails. */
export async function burst(stage: Stage, way: Way, count: number): Promise<Burst> {
  await stage.clear();
  await sleep(500);
  const before = await stage.reloads();
  const began = performance.now();
  const ms: number[] = [];
  await Promise.all(
    Array.from({ length: count }, async () => {
      await way.start();
      ms.push(performance.now() - began);
    }),
  );
  const allMs = performance.now() - began;
  const reloads = most(before, await stage.reloads());
  await stage.clear();
  return { allMs, ms, reloads };
}

/** What a load came to. */
export interface Sustained {
  readonly perSecond: number;
  readonly ms: number[];
  readonly cpu: Record<string, number>;
  readonly reloadsPerSecond: number;
}

/** Seconds of a sustained load before anything is counted: until then more begin than end. */
const WARM_S = 3;

/**
 * Keeps so many starts in flight for a time, each on a free replica, and counts those that end in it. They are taken down
 * afterwards.
 * @throws Error when the pool runs out of replicas before the time is over.
 */
export async function sustain(
  stage: Stage,
  way: Way,
  { inFlight, seconds, pool }: { inFlight: number; seconds: number; pool: number },
): Promise<Sustained> {
  await stage.clear();
  await sleep(500);
  const meter = new CpuMeter(() => stage.environment.pids);
  const ms: number[] = [];
  let begun = 0;
  let counting = false;
  let over = false;
  const loop = async (): Promise<void> => {
    while (!over) {
      if (++begun > pool) throw new Error(`${pool} replicas are too few for ${inFlight} in flight`);
      const at = performance.now();
      await way.start();
      if (counting) ms.push(performance.now() - at);
    }
  };
  const loops = Promise.all(Array.from({ length: inFlight }, loop));
  const watch = async (): Promise<number> => {
    await sleep(WARM_S * 1000);
    const before = await stage.reloads();
    counting = true;
    await meter.during(() => sleep(seconds * 1000));
    counting = false;
    over = true;
    return most(before, await stage.reloads());
  };
  const [reloads] = await Promise.all([watch(), loops]).finally(() => (over = true));
  await stage.clear();
  return { perSecond: ms.length / seconds, ms, cpu: meter.per(ms.length), reloadsPerSecond: reloads / seconds };
}

/** Reloads of the edge that made most of them. */
function most(before: Record<string, number>, after: Record<string, number>): number {
  return Math.max(...Object.keys(after).map((name) => after[name]! - before[name]!));
}
