import { randomUUID } from 'node:crypto';
import { Failure } from '../../domain/failures';
import { retireRunId } from '../../domain/fleet/contract';
import type { FleetReplica } from '../../domain/fleet/gateway';
import type { GatewayStarted } from '../../domain/gateway/contract';
import { eventually } from '../support/eventually';
import { get } from '../support/http';
import { beginStart, beginStop } from '../support/runs';
import type { World } from '../support/world';
import { servingWorld, type ServingHosts } from './support/serving';
import { testFleetPolicy, type FleetWorld } from './support/world';

/* What becomes of organizations whose replica is to go. */

jest.setTimeout(60_000);

let world: World;
let fleet: FleetWorld;
let hosts: ServingHosts;

beforeAll(async () => {
  // Longer than any test: where an allocation is moved sooner, it was not because of the time.
  ({ world, fleet, hosts } = await servingWorld({ ...testFleetPolicy, drainMs: 3_600_000, scaleOutDelaysMs: [100] }));
  await fleet.startWorker();
}, 120_000);
afterAll(async () => {
  await fleet.close();
  await hosts.close();
});
beforeEach(() => {
  fleet.cloud.faults.length = 0;
  fleet.cloud.before = async () => {};
});
afterEach(async () => {
  for (const allocation of await world.store.pool.allocations({ open: true, limit: 100 }))
    await (await beginStop(world, { ...allocation, allocationId: allocation.id })).result();
  const gateways = await world.store.fleet.gateways.list(fleet.organizationId);
  await Promise.all(gateways.map((gateway) => fleet.remove(gateway)));
  await eventually(async () => expect(await world.store.fleet.gateways.list(fleet.organizationId)).toEqual([]), 30_000);
  expect(fleet.cloud.present).toEqual([]);
  expect(await world.store.pool.replicas()).toEqual([]);
});

async function running(replicas: number): Promise<{ id: string }> {
  const gateway = await fleet.create({ replicas });
  await eventually(async () => expect(await fleet.gateway(gateway)).toMatchObject({ state: 'running' }));
  return gateway;
}

async function start(organizationId: string = randomUUID()): Promise<GatewayStarted> {
  return (await (await beginStart(world, { organizationId })).result()) as GatewayStarted;
}

/** What every edge answers for the allocation's host name comes from this replica. */
async function servedBy(started: GatewayStarted, replicaId: string): Promise<void> {
  for (const edge of world.settings.edges) {
    const { status, body } = await get(edge.httpAddress, '/hello', started.hostname);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ allocation_id: started.allocationId, replica_id: replicaId });
  }
}

/** Where the allocation is once it is not where it was, and served there. */
async function moved(started: GatewayStarted): Promise<string> {
  return await eventually(async () => {
    const { replicaId, state } = (await world.store.pool.allocation(started.allocationId))!;
    expect({ state, away: replicaId !== started.replicaId }).toEqual({ state: 'live', away: true });
    await servedBy(started, replicaId);
    return replicaId;
  }, 30_000);
}

async function replica(gateway: { id: string }, id: string): Promise<FleetReplica> {
  return (await fleet.replicas(gateway)).find((each) => each.id === id)!;
}

async function scale(gateway: { id: string }, replicas: number, scaleInForced: boolean): Promise<void> {
  const { configuration } = (await fleet.gateway(gateway))!;
  const change = { configuration: { ...configuration, replicas }, scaleInForced };
  await world.store.fleet.gateways.update(fleet.organizationId, gateway.id, change, { actor: null });
  await fleet.tell(gateway.id);
}

/** What the run that retires a replica says in its drain. */
async function said(replicaId: string): Promise<string[]> {
  const entries = await world.store.journal.after(0, { runId: retireRunId(replicaId), limit: 500 });
  return entries.flatMap((entry) => (entry.type === 'step.output' && entry.step === 'drain' ? entry.lines : []));
}

const expectTold = async (gateway: { id: string }, replicaId: string, text: RegExp): Promise<void> =>
  await eventually(async () => {
    expect((await said(replicaId)).join('\n')).toMatch(text);
    expect((await fleet.messages(gateway)).join('\n')).toMatch(text);
  }, 30_000);

test('a replica that dies is left at once: its organization is served by a free one, and it is replaced', async () => {
  const gateway = await running(2);
  const started = await start();
  const { serves, instanceId } = await replica(gateway, started.replicaId);
  await hosts.kill(serves!);
  const to = await moved(started);
  await eventually(async () => {
    expect(await replica(gateway, started.replicaId)).toMatchObject({
      ...{ state: 'terminated', statusMessage: expect.stringContaining('Health check failed') },
    });
    expect((await fleet.live(gateway)).map(({ state }) => state)).toEqual(['running', 'running']);
  }, 30_000);
  expect((await fleet.live(gateway)).map(({ id }) => id)).toContain(to);
  expect(fleet.cloud.present.map((machine) => machine.instanceId)).not.toContain(instanceId);
  await expectTold(gateway, started.replicaId, new RegExp(`Allocation ${started.allocationId} moved to replica edge-`));
  const runs = await world.store.journal.runs({ kind: 'gateway.move', limit: 10 });
  expect(runs.runs).toMatchObject([{ state: 'succeeded', organizationId: started.organizationId }]);
});

test('where no replica is free it is said, and the organization is moved when the replacement has joined', async () => {
  const gateway = await running(1);
  const started = await start();
  const { serves } = await replica(gateway, started.replicaId);
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  fleet.cloud.before = async (call) => (call === 'create' ? await opened : undefined);
  await hosts.kill(serves!);
  await expectTold(gateway, started.replicaId, /cannot be moved .*: No available gateways in pool/);
  expect(await replica(gateway, started.replicaId)).toMatchObject({ state: 'terminating' });
  expect(await world.store.pool.allocation(started.allocationId)).toMatchObject({ replicaId: started.replicaId });
  open();
  const to = await moved(started);
  expect(await replica(gateway, to)).toMatchObject({ state: 'running' });
  await eventually(async () =>
    expect(await replica(gateway, started.replicaId)).toMatchObject({ state: 'terminated' }),
  );
  // Said once, however often it was looked.
  expect((await said(started.replicaId)).filter((line) => line.includes('cannot be moved'))).toHaveLength(1);
});

test('whoever had a machine that vanished is not kept waiting', async () => {
  const gateway = await running(2);
  const started = await start();
  const { instanceId, serves } = await replica(gateway, started.replicaId);
  fleet.cloud.machines.delete(instanceId!);
  await hosts.kill(serves!);
  expect(await replica(gateway, await moved(started))).toMatchObject({ state: 'running' });
  await eventually(async () =>
    expect(await replica(gateway, started.replicaId)).toMatchObject({
      ...{ state: 'terminated', statusMessage: expect.stringMatching(/Machine is gone|Health check failed/) },
    }),
  );
});

test('a scale-in takes no replica that is held, unless it is forced: then whoever holds it is moved first', async () => {
  const gateway = await running(2);
  const [one, other] = [await start(), await start()];
  await scale(gateway, 1, false);
  await eventually(async () => expect(await fleet.gateway(gateway)).toMatchObject({ desiredReplicas: 1 }));
  expect((await fleet.live(gateway)).map(({ state }) => state)).toEqual(['running', 'running']);
  await (await beginStop(world, other)).result();
  await eventually(async () => expect(await fleet.live(gateway)).toHaveLength(1));
  await servedBy(one, one.replicaId);
  expect((await fleet.live(gateway))[0]!.id).toBe(one.replicaId);
});

describe('with little patience', () => {
  let patient: number;
  const policy = (): { drainMs: number } => fleet.policy as unknown as { drainMs: number };
  beforeAll(() => {
    patient = policy().drainMs;
    policy().drainMs = 300;
  });
  afterAll(() => {
    policy().drainMs = patient;
  });

  test('a forced scale-in moves who is in its way, as soon as there is room', async () => {
    const gateway = await running(2);
    const [one, other] = [await start(), await start()];
    await scale(gateway, 1, true);
    const going = await eventually(async () => {
      const found = (await fleet.replicas(gateway)).find(({ scaleIn }) => scaleIn);
      expect(found).toBeDefined();
      await expectTold(gateway, found!.id, /cannot be moved .*: No available gateways in pool/);
      return found!;
    });
    const [gone, stays] = one.replicaId === going.id ? [one, other] : [other, one];
    await servedBy(gone, gone.replicaId); // for as long as there is nowhere to go
    await (await beginStop(world, stays)).result();
    expect(await moved(gone)).toBe(stays.replicaId);
    await eventually(async () => expect((await fleet.live(gateway)).map(({ id }) => id)).toEqual([stays.replicaId]));
    expect((await replica(gateway, going.id)).statusMessage).toBe('Scaled in');
  });

  test('a replica that is to be replaced serves until its organization was moved, without a gap', async () => {
    const gateway = await running(2);
    const started = await start();
    let over = false;
    const statuses = new Set<number>();
    const asking = (async () => {
      while (!over)
        for (const edge of world.settings.edges)
          statuses.add((await get(edge.httpAddress, '/', started.hostname)).status);
    })();
    const statusMessage = 'Replaced';
    await world.store.fleet.replicas.move(fleet.organizationId, started.replicaId, 'retire', { statusMessage });
    await fleet.tellReplica(started.replicaId);
    const to = await moved(started);
    await eventually(async () =>
      expect(await replica(gateway, started.replicaId)).toMatchObject({ state: 'terminated' }),
    );
    over = true;
    await asking;
    expect([...statuses]).toEqual([200]);
    await servedBy(started, to);
  });

  test('who leaves by itself is not moved', async () => {
    policy().drainMs = 3_600_000;
    const gateway = await running(2);
    const started = await start();
    await world.store.fleet.replicas.move(fleet.organizationId, started.replicaId, 'retire', { statusMessage: 'x' });
    await fleet.tellReplica(started.replicaId);
    await eventually(async () => {
      const run = await world.store.journal.run(retireRunId(started.replicaId));
      expect(run).toMatchObject({ state: 'running' });
    });
    await (await beginStop(world, started)).result();
    await eventually(async () =>
      expect(await replica(gateway, started.replicaId)).toMatchObject({ state: 'terminated' }),
    );
    expect(await said(started.replicaId)).toEqual([]);
    policy().drainMs = 300;
  });

  test('a move that fails is told with its reason, and made again', async () => {
    const gateway = await running(2);
    const started = await start();
    const free = (await fleet.live(gateway)).find(({ id }) => id !== started.replicaId)!;
    // It passes its health checks, and answers nobody else.
    hosts.wellAnyway.add(free.serves!);
    await hosts.kill(free.serves!);
    await hosts.kill((await replica(gateway, started.replicaId)).serves!);
    const to = await moved(started);
    expect([started.replicaId, free.id]).not.toContain(to);
    await expectTold(gateway, started.replicaId, /cannot be moved .*did not/);
    await expectTold(gateway, started.replicaId, /moved to replica/);
    expect(await world.store.pool.replica(free.id)).toMatchObject({ quarantineReason: 'it failed its handshake' });
  });
});

test('a backend without machines keeps nobody from being told', async () => {
  const gateway = await running(1);
  const started = await start();
  for (let n = 0; n < 3; n++)
    fleet.cloud.faults.push({ call: 'create', when: 'before', error: new Failure('CLOUD_QUOTA', 'no machines left') });
  await hosts.kill((await replica(gateway, started.replicaId)).serves!);
  await expectTold(gateway, started.replicaId, /cannot be moved .*: No available gateways in pool/);
  fleet.cloud.faults.length = 0;
  await scale(gateway, 2, false); // somebody looks after it
  expect(await replica(gateway, await moved(started))).toMatchObject({ state: 'running' });
});
