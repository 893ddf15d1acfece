import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { RunKind } from '../../domain/gateway/contract';
import { gatewayHostname } from '../../domain/hostname';
import { planOf } from '../../domain/run-plan';
import { eventually } from '../support/eventually';
import { get } from '../support/http';
import { RunningEnvironment } from '../support/running';
import { beginMove } from '../support/runs';
import { openAttempts } from '../support/saga-holds';
import type { World } from '../support/world';

/*
 * kill -9 in the middle of every step of a move. Whatever was killed: the organization is served by the one replica that
 * its allocation has, and the other one is free.
 */

jest.setTimeout(120_000);

let running: RunningEnvironment;
let organizationId: string;
beforeAll(async () => {
  running = await RunningEnvironment.start(
    (description) => ({ ...description, agents: { ...description.agents, count: 2 } }),
    { superviseRestarts: false }, // each kill comes soon after the one before, which a supervisor answers with patience
  );
  organizationId = randomUUID();
  expect((await running.ended(await running.begin('/gateway/start', organizationId))).state).toBe('succeeded');
}, 120_000);
afterAll(() => running.close());

const moments = ['before', 'after'] as const;
const cases = planOf(RunKind.move).flatMap(({ name: step }, index) => [
  { component: 'worker', step, when: 'after' },
  { component: ['edge-a', 'temporal', 'powerdns'][index % 3]!, step, when: moments[index % 2]! },
]) satisfies { when: (typeof moments)[number] }[];

async function begin(allocationId: string): Promise<string> {
  const { settings } = running.environment;
  const connection = await Connection.connect({ address: settings.temporal.address });
  try {
    const client = new Client({ connection, namespace: settings.temporal.namespace });
    const place = { store: running.store, settings, temporal: { client } } as unknown as World;
    return (await beginMove(place, allocationId)).workflowId;
  } finally {
    await connection.close();
  }
}

test.each(cases)('move: kill -9 of $component at $step, $when its effect', async ({ component, step, when }) => {
  const { environment, breakPoints, store } = running;
  const before = (await store.pool.openAllocation(organizationId))!;
  breakPoints.set({ step, phase: 'do', when });
  const runId = await begin(before.id);
  await eventually(() => expect(breakPoints.wasReached).toBe(true));
  await environment.kill9(component);
  breakPoints.clear();
  await environment.restart(component);
  const { state } = await running.ended(runId);
  expect(['succeeded', 'rolled_back']).toContain(state);
  await eventually(async () => expect(openAttempts(await store.journal.after(0, { runId, limit: 1_000 }))).toEqual([]));

  const after = (await store.pool.openAllocation(organizationId))!;
  expect(after).toMatchObject({ id: before.id, state: 'live' });
  expect(after.replicaId === before.replicaId).toBe(state === 'rolled_back');
  for (const { id, quarantinedAt, allocationId } of await store.pool.replicas())
    if (quarantinedAt && !allocationId) await store.pool.readmit(id);
  await eventually(async () => {
    const { pool, agents, edges, dns } = await running.snapshot();
    const others = pool.filter(({ id }) => id !== after.replicaId);
    expect(others.map(({ holder, quarantined }) => ({ holder, quarantined }))).toEqual([
      { holder: null, quarantined: false },
    ]);
    expect(agents.filter(({ serves }) => serves !== null)).toEqual([{ id: after.replicaId, serves: after.id }]);
    const host = gatewayHostname(organizationId, environment.settings.zone.name);
    expect(edges.map(({ routes }) => routes)).toEqual(edges.map(() => [`${host} ${after.address}`]));
    expect(dns).toEqual([{ hostname: host, addresses: [environment.settings.edgeIp], owner: after.id }]);
    for (const edge of environment.settings.edges) expect((await get(edge.httpAddress, '/', host)).status).toBe(200);
  });
});
