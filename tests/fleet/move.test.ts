import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { GatewayMoved, GatewayStarted } from '../../domain/gateway/contract';
import { resolveA } from '../../drivers/dns/resolve';
import { resolveUpdate, sagaQuery } from '../../workflows/saga/messages';
import { eventually } from '../support/eventually';
import { Faults, injected } from '../support/faults';
import { get } from '../support/http';
import { beginMove, beginStart, beginStop } from '../support/runs';
import { sagaHolds } from '../support/saga-holds';
import type { Snapshot } from '../support/snapshot';
import { World } from '../support/world';

/* Moving an allocation from one replica to another, on real edges, DNS and agents. */

const faults = new Faults();
let world: World;
let started: GatewayStarted;

jest.setTimeout(60_000);

beforeAll(async () => {
  world = await World.start({ agents: 2 });
  await world.startWorker([() => ({ inbound: faults })]);
  started = (await (await beginStart(world)).result()) as GatewayStarted;
}, 120_000);
afterAll(() => world.close());

/** What every edge answers for the host name comes from this replica, and for this allocation. */
async function servedBy(replicaId: string): Promise<void> {
  for (const edge of world.settings.edges) {
    const { status, body } = await get(edge.httpAddress, '/hello', started.hostname);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ allocation_id: started.allocationId, replica_id: replicaId });
  }
}

async function move(): Promise<GatewayMoved> {
  return (await (await beginMove(world, started.allocationId)).result()) as GatewayMoved;
}

async function isMoved(handle: WorkflowHandle): Promise<void> {
  const moved = (await handle.result()) as GatewayMoved;
  await servedBy(moved.replicaId);
  expect(await world.store.pool.allocation(started.allocationId)).toMatchObject({
    ...{ state: 'live', replicaId: moved.replicaId, epoch: moved.epoch, address: moved.address },
    ...{ hostname: started.hostname, runId: `gateway-start-${started.allocationId}` },
  });
  expect(await resolveA(world.settings.zone.dnsAddress, started.hostname)).toEqual([world.settings.edgeIp]);
}

/** The one replica that the allocation does not have. */
async function spare(): Promise<string> {
  const free = (await world.store.pool.replicas()).find(({ allocationId }) => allocationId !== started.allocationId)!;
  return free.id;
}

async function readmitAll(): Promise<void> {
  for (const replica of await world.store.pool.replicas())
    if (replica.quarantinedAt && !replica.allocationId) await world.store.pool.readmit(replica.id);
}

sagaHolds({
  name: 'gateway.move',
  // Those from which the allocation can still go back.
  steps: [
    { name: 'reserve', undo: true },
    { name: 'handshake', undo: true, quarantines: true },
    { name: 'dns', undo: false },
    { name: 'route', undo: true, final: true },
    { name: 'reload', undo: false },
  ],
  world: () => world,
  faults: () => faults,
  begin: (policy) => beginMove(world, started.allocationId, randomUUID(), policy),
  async succeeded(handle) {
    await isMoved(handle);
    faults.arm();
    await move(); // back again
  },
  tidy: readmitAll,
});

describe('an allocation that is moved', () => {
  let before: Snapshot;
  beforeEach(async () => {
    faults.arm();
    await readmitAll();
    before = await world.snapshot();
  });

  test('is served without a gap, and by the new replica alone in the end', async () => {
    const to = await spare();
    let over = false;
    const statuses = new Set<number>();
    const asking = (async () => {
      while (!over)
        for (const edge of world.settings.edges)
          statuses.add((await get(edge.httpAddress, '/', started.hostname)).status);
    })();
    const handle = await beginMove(world, started.allocationId);
    expect(await handle.result()).toMatchObject({ replicaId: to });
    over = true;
    await asking;
    expect([...statuses]).toEqual([200]);
    await isMoved(handle);
    const { agents, pool } = await world.snapshot();
    expect(agents.filter(({ serves }) => serves !== null)).toEqual([{ id: to, serves: started.allocationId }]);
    expect(pool.filter(({ holder, quarantined }) => holder ?? quarantined)).toEqual([
      { id: to, holder: started.allocationId, quarantined: false },
    ]);
    const run = await world.store.journal.run(handle.workflowId);
    expect(run).toMatchObject({ kind: 'gateway.move', state: 'succeeded', organizationId: started.organizationId });
  });

  test.each(['farewell', 'release'])('%s is past the point of no return: it waits for a person', async (step) => {
    const to = await spare();
    faults.arm({ step, phase: 'do', how: 'before' });
    const handle = await beginMove(world, started.allocationId);
    await eventually(async () => expect((await handle.query(sagaQuery)).state).toBe('needs_attention'));
    expect(faults.fired[0]).toBeGreaterThan(0);
    await servedBy(to);
    faults.arm();
    await handle.executeUpdate(resolveUpdate, { args: [{ step, action: 'retry', reason: 'mended', by: 'test' }] });
    await isMoved(handle);
    await move();
    expect(await world.snapshot()).toEqual(before);
  });

  test('is not moved where no replica is free: nothing has changed', async () => {
    const other = (await (await beginStart(world)).result()) as GatewayStarted;
    const full = await world.snapshot();
    const handle = await beginMove(world, started.allocationId);
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'POOL_EMPTY' } });
    expect(await world.snapshot()).toEqual(full);
    await (await beginStop(world, other)).result();
    expect(await world.snapshot()).toEqual(before);
  });

  test('leaves a replica that is dead, which is kept out of the pool', async () => {
    const { replicaId } = (await world.store.pool.allocation(started.allocationId))!;
    const agent = world.agents.find(({ id }) => id === replicaId)!;
    agent.component.signal('SIGSTOP');
    try {
      await isMoved(await beginMove(world, started.allocationId));
      const old = (await world.store.pool.replicas()).find(({ id }) => id === replicaId)!;
      expect(old).toMatchObject({ allocationId: null, quarantineReason: 'it could not be told to stop' });
    } finally {
      agent.component.signal('SIGCONT');
    }
    await readmitAll();
    await move();
  });

  test('to a replica that does not answer stays where it is', async () => {
    const to = await spare();
    const agent = world.agents.find(({ id }) => id === to)!;
    agent.component.signal('SIGSTOP');
    try {
      const handle = await beginMove(world, started.allocationId);
      await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'STEP_TIMEOUT' } });
      expect((await world.store.pool.replicas()).find(({ id }) => id === agent.id)).toMatchObject({
        ...{ allocationId: null, quarantineReason: 'it failed its handshake' },
      });
    } finally {
      agent.component.signal('SIGCONT');
    }
    await readmitAll();
    expect(await world.snapshot()).toEqual(before);
  });

  test('that cannot be taken back stays where it was moved to, and the old replica is let go', async () => {
    const to = await spare();
    faults.arm({ step: 'reload', phase: 'do', how: 'after' }, { step: 'route', phase: 'undo', how: 'weather' });
    const handle = await beginMove(world, started.allocationId);
    await eventually(async () => expect((await handle.query(sagaQuery)).state).toBe('needs_attention'), 30_000);
    expect(faults.fired.every((count) => count > 0)).toBe(true);
    const stuck = await world.snapshot();
    expect(stuck.pool.filter(({ holder, quarantined }) => holder === null && quarantined)).toHaveLength(1);
    faults.arm();
    const decision = { step: 'route', action: 'retry', reason: 'mended', by: 'test' } as const;
    await handle.executeUpdate(resolveUpdate, { args: [decision] });
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: injected } });
    await servedBy(to);
    const after = await world.snapshot();
    expect(after.agents.filter(({ serves }) => serves !== null).map(({ id }) => id)).toEqual([to]);
    expect(after.pool.filter(({ quarantined }) => quarantined)).toEqual([]);
    await move();
    expect(await world.snapshot()).toEqual(before);
  });

  test('twice at once goes once: the other run finds that out and changes nothing', async () => {
    await world.addAgent();
    const handles = await Promise.all([1, 2, 3].map(() => beginMove(world, started.allocationId)));
    const outcomes = await Promise.allSettled(handles.map((handle) => handle.result()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(['ALLOCATION_BUSY', 'STATE_CONFLICT']).toContain(
          (outcome.reason as { cause: { type: string } }).cause.type,
        );
    const { pool, agents } = await world.snapshot();
    expect(pool.filter(({ holder, quarantined }) => holder !== null || quarantined)).toHaveLength(1);
    expect(agents.filter(({ serves }) => serves !== null)).toHaveLength(1);
    await servedBy(pool.find(({ holder }) => holder === started.allocationId)!.id);
  });
});

describe('a stop of the gateway that is moved', () => {
  beforeEach(readmitAll);
  const steps = ['reserve', 'handshake', 'dns', 'route', 'reload', 'farewell', 'release'];

  test.each(steps)('in the middle of %s: the gateway is down, and both replicas are free', async (step) => {
    const { allocationId, organizationId, hostname } = started;
    const moveId = randomUUID();
    let stop: WorkflowHandle | undefined;
    faults.arm({
      ...{ step, phase: 'do', how: 'onEffect', times: 1 },
      async hook() {
        // The steps of the stop itself must not be held up here.
        faults.arm();
        stop = await beginStop(world, started);
        await stop.result();
      },
    });
    const handle = await beginMove(world, allocationId, moveId);
    await handle.result().catch(() => undefined);
    expect(stop).toBeDefined();
    await stop!.result();
    expect(['succeeded', 'rolled_back']).toContain((await handle.query(sagaQuery)).state);
    const { dns, edges, agents, pool } = await world.snapshot();
    expect({ dns, routes: edges.flatMap(({ routes }) => routes) }).toEqual({ dns: [], routes: [] });
    expect(agents.filter(({ serves }) => serves !== null)).toEqual([]);
    expect(pool.filter(({ holder, quarantined }) => holder !== null || quarantined)).toEqual([]);
    for (const edge of world.settings.edges) expect((await get(edge.httpAddress, '/', hostname)).status).toBe(421);
    started = (await (await beginStart(world, { organizationId })).result()) as GatewayStarted;
  });

  test('that is taken back leaves the gateway where the move had it', async () => {
    let stop: WorkflowHandle | undefined;
    faults.arm({
      ...{ step: 'reload', phase: 'do', how: 'onEffect', times: 1 },
      async hook() {
        faults.arm({ step: 'dns', phase: 'do', how: 'before' });
        stop = await beginStop(world, started);
        await expect(stop.result()).rejects.toMatchObject({ cause: { message: injected } });
        faults.arm();
      },
    });
    const handle = await beginMove(world, started.allocationId);
    await isMoved(handle);
    expect(await stop!.query(sagaQuery)).toMatchObject({ state: 'rolled_back' });
  });
});
