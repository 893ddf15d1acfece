import { randomUUID } from 'node:crypto';
import { planOf } from '../../domain/run-plan';
import { RunKind } from '../../domain/gateway/contract';
import { eventually } from '../support/eventually';
import { get } from '../support/http';
import { RunningEnvironment } from '../support/running';
import { openAttempts } from '../support/saga-holds';
import type { Snapshot } from '../support/snapshot';

/*
 * kill -9 of every component in the middle of every step of a start and of a stop. Whatever was killed, the run ends
 * well or is taken back, and the components agree with how it ended. `KILLS=all` kills each of them at each step; without
 * it the worker is killed at each, the others where they are used, and in turn.
 */

jest.setTimeout(120_000);

let running: RunningEnvironment;
beforeAll(async () => {
  running = await RunningEnvironment.start(
    (description) => ({ ...description, agents: { ...description.agents, count: 2 } }),
    { superviseRestarts: false }, // each kill comes soon after the one before, which a supervisor answers with patience
  );
}, 120_000);
afterAll(() => running.close());

const all = process.env['KILLS'] === 'all';

/** Who is used by a step, besides the worker. */
const used: Readonly<Record<string, string>> = { dns: 'powerdns', route: 'edge-a', reload: 'edge-a' };

const components = ['worker', 'api', 'temporal', 'edge-a', 'powerdns'];
const moments = (['before', 'after'] as const).map((when) => ({ when }));
const cases = (kind: string) =>
  planOf(kind).flatMap(({ name: step }, index) =>
    components
      .map((component, i) => ({ component, step, ...moments[(index + i) % 2]! }))
      .filter(({ component }, i) => all || ['worker', used[step]].includes(component) || i === 1 + (index >> 1)),
  );

/** Kills a component when the step is at its break point, and lets the step go on. */
async function killAtBreakPoint(component: string): Promise<void> {
  const { environment, breakPoints } = running;
  await eventually(() => expect(breakPoints.wasReached).toBe(true));
  await environment.kill9(component);
  breakPoints.clear();
  await environment.restart(component);
}

async function noLooseEnds(runId: string): Promise<void> {
  const entries = await running.store.journal.after(0, { runId, limit: 1_000 });
  await eventually(async () =>
    expect(openAttempts(await running.store.journal.after(0, { runId, limit: 1_000 }))).toEqual([]),
  );
  expect(entries.length).toBeGreaterThan(0);
}

async function serving(organizationId: string): Promise<void> {
  const host = `org-${organizationId}.${running.environment.settings.zone.name}`;
  for (const edge of running.environment.settings.edges)
    await eventually(async () => {
      const { status, body } = await get(edge.httpAddress, '/', host);
      expect(status).toBe(200);
      expect(JSON.parse(body)).toMatchObject({ organization_id: organizationId });
    });
}

/** The components may take a moment to be right again after a kill; then they must agree. */
async function unchanged(before: Snapshot): Promise<void> {
  for (const replica of await running.store.pool.replicas())
    if (replica.quarantinedAt && !replica.allocationId) await running.store.pool.readmit(replica.id);
  await eventually(async () => expect(await running.snapshot()).toEqual(before));
}

test.each(cases(RunKind.start))(
  'start: kill -9 of $component at $step, $when its effect',
  async ({ component, step, when }) => {
    const before = await running.snapshot();
    running.breakPoints.set({ step, phase: 'do', when });
    const organizationId = randomUUID();
    const runId = await running.begin('/gateway/start', organizationId);
    await killAtBreakPoint(component);
    const { state } = await running.ended(runId);
    await noLooseEnds(runId);
    expect(['succeeded', 'rolled_back']).toContain(state);
    if (state === 'succeeded') {
      await serving(organizationId);
      const stop = await running.begin('/gateway/stop', organizationId);
      expect((await running.ended(stop)).state).toBe('succeeded');
    }
    await unchanged(before);
  },
);

test.each(cases(RunKind.stop))(
  'stop: kill -9 of $component at $step, $when its effect',
  async ({ component, step, when }) => {
    const before = await running.snapshot();
    const organizationId = randomUUID();
    expect((await running.ended(await running.begin('/gateway/start', organizationId))).state).toBe('succeeded');
    running.breakPoints.set({ step, phase: 'do', when });
    const runId = await running.begin('/gateway/stop', organizationId);
    await killAtBreakPoint(component);
    const { state } = await running.ended(runId);
    await noLooseEnds(runId);
    expect(['succeeded', 'rolled_back']).toContain(state);
    if (state === 'rolled_back') {
      await serving(organizationId);
      expect((await running.ended(await running.begin('/gateway/stop', organizationId))).state).toBe('succeeded');
    }
    await unchanged(before);
  },
);
