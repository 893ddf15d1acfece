import { randomUUID } from 'node:crypto';
import { runApi } from '../../api/main';
import { startRunId } from '../../domain/gateway/contract';
import { gatewayHostname } from '../../domain/hostname';
import { readSecret } from '../../drivers/secrets/files';
import { mintToken } from '../../prisma/token-secret';
import { leftOut, readCases, type Case } from '../support/cases';
import { eventually } from '../support/eventually';
import { Faults, injected, type Fault } from '../support/faults';
import { get } from '../support/http';
import { beginStart } from '../support/runs';
import { World } from '../support/world';

/*
 * Every row of rollback_cases.json through the HTTP endpoint, on real components. The steps have other names there:
 */
const stepOf: Readonly<Record<string, string>> = {
  allocate: 'allocate',
  'nginx-config': 'route',
  'nginx-reload': 'reload',
  handshake: 'handshake',
};
const undoOf: Readonly<Record<string, string>> = {
  removeGatewayConfig: 'route',
  'removeGatewayConfig(+reload)': 'route',
  'nginx-config': 'route',
  reload: 'route', // the undo of route publishes
  deregisterGateway: 'dns',
  dns: 'dns',
  proc_organizations_gateways_stop: 'allocate',
  release: 'allocate',
  allocate: 'allocate',
};

interface RollbackCase extends Case {
  readonly fail_at?: string;
  readonly undo_fails?: string;
  readonly given?: { fail_at?: string; orgs?: number; free?: number; gateway?: string; concurrent?: string };
  readonly expected: {
    readonly undo_in_order?: readonly string[];
    readonly undo_attempted?: readonly string[];
    readonly http_status?: number;
    readonly body?: { error: string; details?: string };
    readonly ok?: number;
    readonly status_503?: number;
    readonly fails_within_s?: number;
    readonly [other: string]: unknown;
  };
}

const file = 'rollback_cases.json';
const cases = readCases<RollbackCase>(file);
const faults = new Faults();
const free = 6;
let world: World;
let api: { url: string; close(): Promise<void> };
const token = mintToken();

jest.setTimeout(60_000);

beforeAll(async () => {
  world = await World.start({ agents: free });
  await world.store.tokens.create({
    id: token.id,
    name: 'test',
    secretHash: token.hash,
    scope: 'admin',
    organizationId: null,
    expiresAt: null,
  });
  api = await runApi(world.settings);
  await world.startWorker([() => ({ inbound: faults })]);
}, 120_000);

afterAll(async () => {
  await api.close();
  await world.close();
});

afterEach(async () => {
  faults.arm();
  for (const { organizationId } of await world.store.pool.allocations({ open: true, limit: 100 }))
    await eventually(async () => expect((await post('/gateway/stop', organizationId)).status).toBe(200));
  for (const replica of await world.store.pool.replicas())
    if (replica.quarantinedAt) await world.store.pool.readmit(replica.id);
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(path: string, body: unknown, authorization = `Bearer ${token.text}`): Promise<Answer> {
  const answer = await fetch(api.url + path, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const post = (path: string, organizationId: string): Promise<Answer> => call(path, { organization_id: organizationId });

async function freeReplicas(): Promise<number> {
  const pool = await world.store.pool.replicas();
  return pool.filter((replica) => replica.ready && !replica.allocationId && !replica.quarantinedAt).length;
}

/** The steps whose undo ran, in the order in which it first did. */
async function undone(runId: string): Promise<string[]> {
  const entries = await world.store.journal.after(0, { runId, limit: 500 });
  const undos = entries.flatMap((entry) =>
    entry.type === 'attempt.started' && entry.phase === 'undo' ? [entry.step] : [],
  );
  return [...new Set(undos)];
}

/** The names of a row's undos in our words, without repetition. */
function inOurWords(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => undoOf[name] ?? name))];
}

async function nothingLeft(organizationId: string): Promise<void> {
  const host = gatewayHostname(organizationId, world.settings.zone.name);
  expect(await world.dns.at(host)).toEqual([]);
  for (const edge of world.settings.edges) expect((await get(edge.httpAddress, '/', host)).status).toBe(421);
}

/** A start that fails at one step, as most rows have it. */
async function failsAt(row: RollbackCase): Promise<void> {
  const failAt = row.fail_at ?? row.given?.fail_at;
  const step = stepOf[failAt!]!;
  const organizationId = randomUUID();
  const before = await freeReplicas();
  const armed: Fault[] = [{ step, phase: 'do', how: 'before' }];
  if (row.undo_fails) armed.push({ step: stepOf[row.undo_fails]!, phase: 'undo', how: 'weather' });
  faults.arm(...armed);
  const answer = await post('/gateway/start', organizationId);
  expect(faults.fired.every((count) => count > 0)).toBe(true);
  expect(answer.status).toBe(row.expected.http_status ?? 500);
  expect(answer.body).toMatchObject({
    error: row.expected.body?.error ?? 'Failed to start gateway',
    details: injected,
  });
  const runId = String(answer.body['run_id']);
  const order = (await undone(runId)).filter((name) => name !== 'handshake'); // the rows know no undo of the handshake
  expect(order).toEqual(
    inOurWords(row.expected.undo_in_order ?? row.expected.undo_attempted ?? ['route', 'dns', 'release']),
  );
  // A replica that failed its handshake is kept out (the recommended row); all others are free again.
  const kept = step === 'handshake' ? 1 : 0;
  expect(await freeReplicas()).toBe(before - kept);
  if (row.undo_fails) await stillShown(runId);
  else await nothingLeft(organizationId);
}

async function stillShown(runId: string): Promise<void> {
  const stuck = await world.store.journal.attention({ limit: 10 });
  expect(stuck.map(({ id }) => id)).toContain(runId);
  faults.arm();
  const answer = await call(`/runs/${runId}/steps/route/resolve`, { action: 'retry', reason: 'mended' });
  expect(answer.status).toBe(200);
  await eventually(async () => expect((await world.store.journal.run(runId))!.state).toBe('rolled_back'));
}

/** What a row without a failing step says, by its name. */
const scenarios: Readonly<Record<string, (row: RollbackCase) => Promise<void>>> = {
  async 'failure at step 1 (allocate)'(row) {
    const holders = await fill(free);
    const organizationId = randomUUID();
    const answer = await post('/gateway/start', organizationId);
    expect(answer).toMatchObject({ status: row.expected.http_status, body: row.expected.body });
    expect(await undone(String(answer.body['run_id']))).toEqual(row.expected.undo_in_order);
    expect(await freeReplicas()).toBe(0);
    await nothingLeft(organizationId);
    expect(holders).toHaveLength(free);
  },

  async 'rollback is by allocation id, never by organization'() {
    const organizationId = randomUUID();
    const first = randomUUID();
    // The first one's late failure must not touch what the second one holds: it is held up before its allocation,
    // loses the race, and everything of it is undone by its own id.
    const second = await post('/gateway/start', organizationId);
    expect(second.status).toBe(200);
    const late = await beginStart(world, { organizationId, allocationId: first });
    await expect(late.result()).rejects.toMatchObject({ cause: { type: 'ALLOCATION_BUSY' } });
    await world.store.pool.release({ allocationId: first, organizationId, runId: startRunId(first) });
    const { body } = await get(world.settings.edges[0]!.httpAddress, '/', String(second.body['gateway_hostname']));
    expect(JSON.parse(body)).toMatchObject({ allocation_id: second.body['allocation_id'] });
    expect((await world.store.pool.openAllocation(organizationId))?.id).toBe(second.body['allocation_id']);
  },

  async 'n+1 orgs on n gateways: exactly one 503, distinct gateways'(row) {
    await fill(free - row.given!.free!);
    const answers = await Promise.all(
      Array.from({ length: row.given!.orgs! }, () => post('/gateway/start', randomUUID())),
    );
    const good = answers.filter(({ status }) => status === 200);
    expect(good).toHaveLength(row.expected.ok!);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(row.expected.status_503!);
    expect(new Set(good.map(({ body }) => body['replica_id'])).size).toBe(good.length);
  },

  async 'already allocated and ready -> 200 with the same hostname; allocated but not ready -> wait or 202, never a dead hostname'() {
    const organizationId = randomUUID();
    const [one, joined] = await Promise.all([
      post('/gateway/start', organizationId),
      post('/gateway/start', organizationId),
    ]);
    const again = await post('/gateway/start', organizationId);
    for (const answer of [one, joined, again])
      expect(answer).toMatchObject({ status: 200, body: { allocation_id: one.body['allocation_id'] } });
    const host = String(again.body['gateway_hostname']);
    expect((await get(world.settings.edges[0]!.httpAddress, '/', host)).status).toBe(200);
  },

  async 'a gateway whose handshake failed is quarantined, not returned to the pool as ready'() {
    faults.arm({ step: 'handshake', phase: 'do', how: 'before', times: 1 });
    const organizationId = randomUUID();
    const failed = await post('/gateway/start', organizationId);
    expect(failed.status).toBe(500);
    const [quarantined] = (await world.store.pool.replicas()).filter((replica) => replica.quarantinedAt);
    expect(quarantined).toMatchObject({ allocationId: null, quarantineReason: 'it failed its handshake' });
    const retried = await post('/gateway/start', organizationId);
    expect(retried.status).toBe(200);
    expect(retried.body['replica_id']).not.toBe(quarantined!.id);
  },

  async 'handshake and health poll have deadlines (200 ms poll, 500 ms per request, 5 s in upstream)'() {
    for (const { component } of world.agents) component.signal('SIGSTOP');
    try {
      const answer = await post('/gateway/start', randomUUID());
      expect(answer.status).toBe(500);
      expect(['HANDSHAKE_TIMEOUT', 'STEP_TIMEOUT']).toContain(answer.body['code']);
    } finally {
      for (const { component } of world.agents) component.signal('SIGCONT');
    }
  },

  async 'gateway with wrong id calling /gateway/ready is 403'(row) {
    const [one, other] = world.agents;
    const secretOfOther = await readSecret(world.settings.secretsDirectory, `replica-${other!.id}`);
    const body = { replica_id: one!.id, address: one!.options.address, serving_epoch: 0 };
    const answer = await call('/gateway/ready', body, `Bearer ${secretOfOther}`);
    expect(answer.status).toBe(row.expected.http_status);
  },
};

/** Takes `count` replicas for organizations of their own. */
async function fill(count: number): Promise<string[]> {
  const organizations = Array.from({ length: count }, () => randomUUID());
  const answers = await Promise.all(organizations.map((organizationId) => post('/gateway/start', organizationId)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  return organizations;
}

test.each(cases.filter(({ name }) => !(name in leftOut(file))))('$name', async (row) => {
  const scenario = scenarios[row.name];
  if (scenario) await scenario(row);
  else if (row.fail_at ?? row.given?.fail_at) await failsAt(row);
  else throw new Error(`this row is neither run nor listed in left-out.json: ${row.name}`);
});
