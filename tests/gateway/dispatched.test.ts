import type { GatewayStarted } from '../../domain/gateway/contract';
import { beginStart, beginStop } from '../support/runs';
import { testPolicy, World } from '../support/world';

/* The same steps where every one is dispatched by the server, as the run's input may say. */

let world: World;
beforeAll(async () => {
  world = await World.start({
    agents: 2,
    placements: { store: 'regular', dns: 'regular', handshake: 'regular' },
    policy: { ...testPolicy, stepTimeoutMs: 8_000 },
  });
  await world.startWorker();
}, 120_000);
afterAll(() => world.close());
jest.setTimeout(60_000);

test('a start and a stop leave nothing behind', async () => {
  const before = await world.snapshot();
  const started = (await (await beginStart(world)).result()) as GatewayStarted;
  const { events } = await world.temporal.client.workflow
    .getHandle(`gateway-start-${started.allocationId}`)
    .fetchHistory();
  const summaries = events!.flatMap((event) =>
    event.activityTaskScheduledEventAttributes ? [String(event.userMetadata?.summary?.data)] : [],
  );
  expect(summaries.join()).toContain('"handshake"'); // what Temporal's Web UI writes on each bar
  await (await beginStop(world, started)).result();
  expect(await world.snapshot()).toEqual(before);
});

test('a step that takes longer than the silence of a dead worker is not taken for one', async () => {
  for (const { component } of world.agents) component.signal('SIGSTOP');
  try {
    const handle = await beginStart(world);
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'HANDSHAKE_TIMEOUT' } });
    const entries = await world.store.journal.after(0, { runId: handle.workflowId, limit: 500 });
    const attempts = entries.filter(
      (entry) => entry.type === 'attempt.started' && entry.step === 'handshake' && entry.phase === 'do',
    );
    expect(attempts).toHaveLength(1);
  } finally {
    for (const { component } of world.agents) component.signal('SIGCONT');
  }
});
