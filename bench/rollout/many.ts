import { setTimeout as sleep } from 'node:timers/promises';
import type { ApplyEvent } from '../../domain/rollout/apply';
import { operationRunId } from '../../domain/rollout/contract';
import type { Opened } from '../../tests/deploy/support/world';
import { atMost, short, summary, type Row } from '../figures';
import { CpuMeter, memoryMb } from '../processes';
import { RolloutStage } from './stage';

/** Seconds in which an apply over a thousand deployments ends. */
const BAR_S = 90;

/** How long nobody waits for it any more. */
const DEADLINE_MS = 900_000;

/** An apply over many deployments whose servers take no time. */
export async function benchManyDeployments(count: number, say: (text: string) => void): Promise<Row[]> {
  const stage = await RolloutStage.start();
  try {
    say('warming up');
    await settle(stage, await stage.request(5, { cutover: 'barrier' }, 1, DEADLINE_MS));
    say(`${count} deployments`);
    const checked = performance.now();
    const request = await stage.request(count, { cutover: 'barrier', copies: 50 }, 1, DEADLINE_MS);
    const checkS = (performance.now() - checked) / 1000;
    const before = memoryMb(stage.pids['worker']!);
    const meter = new CpuMeter(() => stage.pids);
    const began = performance.now();
    await meter.during(() => settle(stage, request, say));
    const seconds = (performance.now() - began) / 1000;
    const after = memoryMb(stage.pids['worker']!);
    const events = await eventsOf(stage, request);
    const moves = events.filter(({ operationId }) => operationId !== null).length;
    const cpu = Object.entries(meter.per(count)).map(([name, ms]) => `${name} ${short(ms)}`);
    const group = `an apply over ${count} deployments: barrier, 50 copies, a fake engine, SQLite`;
    return [
      {
        ...{ group, name: `ended after ${short(seconds)} s` },
        note: `made and checked in ${short(checkS)} s; CPU ms by deployment: ${cpu.join(', ')}; worker ${short(after.rss)} MB (+${short(after.rss - before.rss)}); ${await histories(stage, request)}`,
        bar: atMost(seconds, (BAR_S * count) / 1000, 's'),
      },
      {
        ...{ group, name: 'between two cut-overs', ...summary(gaps(events)) },
        note: `${moves} moves of operations, ${events.length - moves} of the apply`,
      },
    ];
  } finally {
    await stage.close();
  }
}

async function settle(
  stage: RolloutStage,
  request: Opened,
  say: (text: string) => void = () => undefined,
): Promise<void> {
  const { organizationId, requestId } = request.ref;
  const { applies } = stage.world.store.rollouts;
  await request.tell('deploy');
  const deadline = Date.now() + DEADLINE_MS;
  for (let looks = 1; ; looks++) {
    // Looked at seldom: there is little enough CPU for those who work.
    await sleep(500);
    const apply = await applies.get(organizationId, requestId);
    if (apply?.completedAt) {
      if (apply.state !== 'completed') throw new Error(`it ended as ${apply.state}: ${apply.error ?? ''}`);
      break;
    }
    const isLate = Date.now() > deadline;
    if (looks % 20 === 0 || isLate) {
      const now = await request.handle.query<{ operations: object } | null>('apply').catch(() => null);
      const told = `${apply?.state ?? 'no apply yet'} ${JSON.stringify(now?.operations ?? {})}`;
      if (isLate) throw new Error(`it does not end: ${told}`);
      say(told);
    }
  }
  await request.reaches('complete', 60_000);
}

async function eventsOf({ world }: RolloutStage, { ref }: Opened): Promise<ApplyEvent[]> {
  const events: ApplyEvent[] = [];
  for (;;) {
    const some = await world.store.rollouts.applies.events(ref.organizationId, events.at(-1)?.seq ?? 0, ref.requestId);
    if (some.length === 0) return events;
    events.push(...some);
  }
}

/** Milliseconds from one deployment's being live to the next one's. */
function gaps(events: readonly ApplyEvent[]): number[] {
  const live = events.filter(({ operationId, to }) => operationId !== null && to === 'revert_window');
  return live.slice(1).map(({ at }, i) => +at - +live[i]!.at);
}

async function histories({ world }: RolloutStage, { ref, handle }: Opened): Promise<string> {
  const [row] = (await world.store.rollouts.applies.rows(ref.organizationId, ref.requestId)) as { id: string }[];
  const child = world.temporal.client.workflow.getHandle(operationRunId({ operation: { id: row!.id, epoch: 1 } }));
  const told = async (of: {
    describe(): Promise<{ historyLength: number; historySize?: number }>;
  }): Promise<string> => {
    const { historyLength, historySize } = await of.describe();
    return `${historyLength} events ${short((historySize ?? 0) / 1024)} KB`;
  };
  return `histories: operation ${await told(child)}, request ${await told(handle)}`;
}
