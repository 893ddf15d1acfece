import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { startService, type Service } from '../../api/service';
import { connectEngine } from '../../api/temporal-engine';
import { mintToken } from '../../prisma/token-secret';
import { resolveUpdate } from '../../workflows/saga/messages';
import { eventually } from '../support/eventually';
import { Faults, injected } from '../support/faults';
import { get } from '../support/http';
import type { Snapshot } from '../support/snapshot';
import { World } from '../support/world';

/* What is left of a gateway when a person skipped the undo that would have ended its allocation. */

const faults = new Faults();
let world: World;
let service: Service;
let engine: ReturnType<typeof connectEngine>;
let authorization: string;
let organization: string;
let before: Snapshot;

beforeAll(async () => {
  world = await World.start({ agents: 2 });
  await world.startWorker([() => ({ inbound: faults })]);
  engine = connectEngine(world.settings.temporal);
  const log = pino({ level: 'silent' });
  service = await startService({ store: world.store, engine: engine.engine, settings: world.settings, log });
  const { id, text, hash } = mintToken();
  const token = {
    id,
    name: 'test',
    secretHash: hash,
    scope: 'operate',
    organizationId: null,
    expiresAt: null,
  } as const;
  await world.store.tokens.create(token);
  authorization = `Bearer ${text}`;
}, 120_000);
afterAll(async () => {
  await service.close();
  await engine.close();
  await world.close();
});

jest.setTimeout(60_000);

beforeEach(async () => {
  faults.arm();
  organization = randomUUID();
  before = await world.snapshot();
});

async function post(path: '/gateway/start' | '/gateway/stop') {
  const headers = { authorization, 'content-type': 'application/json' };
  const body = JSON.stringify({ organization_id: organization });
  const response = await fetch(service.url + path, { method: 'POST', headers, body });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

/** Skips the one stuck step of a run and waits for its end. */
async function skip(runId: string, step: string): Promise<void> {
  await eventually(async () => expect((await world.store.journal.run(runId))?.state).toBe('needs_attention'));
  const decision = { step, action: 'skip', reason: 'it does not matter', by: 'test' } as const;
  await world.temporal.client.workflow.getHandle(runId).executeUpdate(resolveUpdate, { args: [decision] });
  await eventually(async () => expect((await world.store.journal.run(runId))?.state).toBe('abandoned'));
}

const state = async () => (await world.store.pool.openAllocation(organization))?.state;

/** A start is refused with what to do instead, and begins nothing. */
async function startIsRefused(): Promise<void> {
  const refused = await post('/gateway/start');
  expect(refused).toMatchObject({ status: 409, json: { code: 'STATE_CONFLICT', allowed: ['stop'] } });
  expect(refused.json['detail']).toContain('Stop the gateway');
}

/** The gateway is stopped, nothing of it is left, and it can be started again. */
async function stopMendsIt(): Promise<void> {
  expect(await post('/gateway/stop')).toMatchObject({ status: 200, json: { state: 'released' } });
  expect(await world.snapshot()).toEqual(before);
  expect(await post('/gateway/start')).toMatchObject({ status: 200, json: { state: 'live' } });
  expect((await post('/gateway/stop')).status).toBe(200);
  expect(await world.snapshot()).toEqual(before);
}

/** A start that fails at a step and whose `allocate` stays behind. */
async function abandonedStart(step: string): Promise<void> {
  faults.arm({ step, phase: 'do', how: 'after' }, { step: 'allocate', phase: 'undo', how: 'weather' });
  const failed = await post('/gateway/start');
  expect(failed).toMatchObject({ status: 500, json: { details: injected, needs_attention: true } });
  expect(faults.fired.every((count) => count > 0)).toBe(true);
  // While a person may still retry it, it is not over.
  expect(await post('/gateway/stop')).toMatchObject({ status: 409, json: { allowed: ['cancel'] } });
  await skip(failed.json['run_id'] as string, 'allocate');
  faults.arm();
  expect(await state()).toBe('starting');
}

test('an abandoned start that never reached its replica: start is refused, stop takes it down', async () => {
  await abandonedStart('dns');
  await startIsRefused();
  await stopMendsIt();
});

test('a stop of it that is taken back puts nothing back, and can be asked for again', async () => {
  await abandonedStart('reload');
  faults.arm({ step: 'dns', phase: 'do', how: 'after' });
  const failed = await post('/gateway/stop');
  expect(failed).toMatchObject({ status: 500, json: { details: injected } });
  expect(faults.fired[0]).toBeGreaterThan(0);
  faults.arm();
  expect((await world.store.journal.run(failed.json['run_id'] as string))?.state).toBe('rolled_back');
  expect(await state()).toBe('stopping');
  const { hostname, id } = (await world.store.pool.openAllocation(organization))!;
  for (const edge of world.settings.edges) expect((await get(edge.httpAddress, '/', hostname)).status).toBe(421);
  expect((await world.store.routes.route(id))!.removed).toBe(true);
  expect((await world.snapshot()).dns).toEqual(before.dns);
  await startIsRefused();
  await stopMendsIt();
});

test('an abandoned stop leaves it stopping: start is refused, another stop takes it down', async () => {
  expect((await post('/gateway/start')).status).toBe(200);
  faults.arm({ step: 'begin', phase: 'do', how: 'after' }, { step: 'begin', phase: 'undo', how: 'weather' });
  const failed = await post('/gateway/stop');
  expect(failed).toMatchObject({ status: 500, json: { details: injected, needs_attention: true } });
  await skip(failed.json['run_id'] as string, 'begin');
  faults.arm();
  expect(await state()).toBe('stopping');
  await startIsRefused();
  await stopMendsIt();
});
