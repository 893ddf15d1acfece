import { randomUUID } from 'node:crypto';
import type { GatewayStarted } from '../../domain/gateway/contract';
import { Faults, injected } from '../support/faults';
import { beginStart, beginStop } from '../support/runs';
import { get } from '../support/http';
import type { Snapshot } from '../support/snapshot';
import { World } from '../support/world';
import { sagaQuery, resolveUpdate } from '../../workflows/saga/messages';
import { eventually } from '../support/eventually';

const faults = new Faults();
let world: World;
let started: GatewayStarted;
let before: Snapshot;

beforeAll(async () => {
  world = await World.start({ agents: 2 });
  await world.startWorker([() => ({ inbound: faults })]);
}, 120_000);
afterAll(() => world.close());

jest.setTimeout(60_000);

beforeEach(async () => {
  faults.arm();
  const organizationId = randomUUID();
  before = await world.snapshot();
  started = (await (await beginStart(world, { organizationId })).result()) as GatewayStarted;
});

async function serves(): Promise<void> {
  for (const edge of world.settings.edges) {
    const { body } = await get(edge.httpAddress, '/', started.hostname);
    expect(JSON.parse(body)).toMatchObject({ allocation_id: started.allocationId });
  }
}

/** Steps that can be taken back: failing, they leave the organization its gateway. */
const reversible = ['begin', 'route', 'reload', 'dns'];

test.each(reversible.flatMap((step) => (['before', 'after'] as const).map((how) => ({ step, how }))))(
  'a stop that fails at $step ($how its effect) is taken back and the gateway goes on serving',
  async ({ step, how }) => {
    faults.arm({ step, phase: 'do', how });
    const handle = await beginStop(world, started);
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: injected } });
    expect(faults.fired[0]).toBeGreaterThan(0);
    expect((await handle.query(sagaQuery)).state).toBe('rolled_back');
    await serves();
    expect((await world.store.pool.allocation(started.allocationId))!.state).toBe('live');
    faults.arm();
    await (await beginStop(world, started)).result();
    expect(await world.snapshot()).toEqual(before);
  },
);

test.each(['farewell', 'release'])(
  '%s is past the point of no return: it waits for a person, then ends',
  async (step) => {
    faults.arm({ step, phase: 'do', how: 'before' });
    const handle = await beginStop(world, started);
    await eventually(async () => expect((await handle.query(sagaQuery)).state).toBe('needs_attention'));
    expect(faults.fired[0]).toBeGreaterThan(0);
    expect((await get(world.settings.edges[0]!.httpAddress, '/', started.hostname)).status).toBe(421);
    faults.arm();
    await handle.executeUpdate(resolveUpdate, { args: [{ step, action: 'retry', reason: 'mended', by: 'test' }] });
    await handle.result();
    expect(await world.snapshot()).toEqual(before);
  },
);

test('every do of a stop twice', async () => {
  faults.arm(...[...reversible, 'farewell', 'release'].map((step) => ({ step, phase: 'do', how: 'twice' }) as const));
  await (await beginStop(world, started)).result();
  expect(faults.fired.every((count) => count > 0)).toBe(true);
  expect(await world.snapshot()).toEqual(before);
});

test('a replica that cannot be told to stop is kept out of the pool', async () => {
  const agent = world.agents.find(({ id }) => id === started.replicaId)!;
  agent.component.signal('SIGSTOP');
  try {
    await (await beginStop(world, started)).result();
    const replica = (await world.store.pool.replicas()).find(({ id }) => id === started.replicaId)!;
    expect(replica).toMatchObject({ allocationId: null, quarantineReason: 'it could not be told to stop' });
  } finally {
    agent.component.signal('SIGCONT');
  }
});
