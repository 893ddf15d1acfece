import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { temporal } from '@temporalio/proto';
import { parseToken } from '../../prisma/token-secret';
import { fetchHistories, historyText } from '../../worker/replay';
import { eventually } from '../support/eventually';
import { allEntries } from '../support/invariants';
import { readDescription, withAutoPorts } from '../../environment/description';
import { RunningEnvironment } from '../support/running';
import { aDeploy } from './deploy';
import { Listener } from './listener';
import { filesBelow, findAll, type Haystack, type Wanted } from './scan';
import { Throws } from './throws';

/*
 * No secret is in Temporal's history, the store, the logs or the answers: everything that a success, failures, a stuck
 * undo, webhooks and tokens leave behind is searched byte by byte.
 */

jest.setTimeout(90_000);

const canary = (): string => `canary${randomBytes(12).toString('hex')}`;
const inBody = canary();
const thrown = { equals: canary(), colon: canary(), json: canary(), bearer: canary(), url: canary(), header: canary() };
const webhookSecret = canary();
const organizationId = randomUUID();
const databaseOwner = randomUUID();

let running: RunningEnvironment;
let throws: Throws;
let replica: Listener;
let receiver: Listener;
const answers: Haystack[] = [];
beforeAll(async () => {
  process.env['LOG_LEVEL'] = 'info'; // as in production, whatever the shell says
  replica = await Listener.on('127.0.2.200');
  receiver = await Listener.on('127.0.0.1');
  running = await RunningEnvironment.start(
    (description) => ({
      ...description,
      databases: withAutoPorts(readDescription()).databases,
      agents: { ...description.agents, count: 2 },
      policy: { ...description.policy, retryIntervalMs: 20, stepAttempts: 2, undoAttempts: 2 },
    }),
    { workerEntry: 'tests/canary/throwing-worker' },
  );
  throws = new Throws(running.environment.settingsFile);
}, 90_000);
afterAll(async () => {
  await running.close();
  await replica.close();
  await receiver.close();
});

interface Asked {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Calls the API and keeps every byte of the answer for the search. */
async function ask(method: string, path: string, body?: unknown, token = running.token): Promise<Asked> {
  const answer = await fetch(running.environment.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const bytes = Buffer.from(`${JSON.stringify([...answer.headers])}\n${text}`);
  answers.push({ where: `the answer to ${method} ${path}`, bytes });
  const isJson = answer.headers.get('content-type')?.includes('json');
  return { status: answer.status, body: (isJson ? JSON.parse(text) : {}) as Asked['body'] };
}

/** The same of a call whose answer tells a secret, the one time that it is told. */
async function askSecret(...call: Parameters<typeof ask>): Promise<Asked> {
  const asked = await ask(...call);
  answers.pop();
  return asked;
}

const start = async (organization = randomUUID(), token?: string): Promise<Asked> =>
  await ask('POST', '/gateway/start', { organization_id: organization }, token);

/** Says where the replicas are, as they do themselves. */
async function announce(addresses: readonly string[]): Promise<void> {
  for (const [i, { id, secretFile }] of running.environment.identities.replicas.entries()) {
    const secret = readFileSync(secretFile, 'utf8').trim();
    const body = { replica_id: id, address: addresses[i], serving_epoch: 0 };
    expect(await ask('POST', '/gateway/ready', body, secret)).toMatchObject({ status: 200 });
  }
}

async function aSuccess(token: string): Promise<void> {
  expect(await start(organizationId, token)).toMatchObject({ status: 200 });
  expect(await ask('POST', '/gateway/stop', { organization_id: organizationId }, token)).toMatchObject({ status: 200 });
}

/** A replica answers its handshake with something that is not the confirmation. */
async function handshakesThatFail(): Promise<void> {
  await announce([replica.address, replica.address]);
  for (const answer of [
    { status: 418, body: JSON.stringify({ error: `password=${inBody}`, detail: inBody }) },
    { status: 200, body: `<html>${inBody}` },
    {
      status: 200,
      body: JSON.stringify({ replica_id: `secret=${inBody}`, allocation_id: '', epoch: 1, proof: inBody }),
    },
  ]) {
    replica.answer = answer;
    expect((await start()).body).toMatchObject({ status: 500, code: 'HANDSHAKE_FAILED' });
    await announce([replica.address, replica.address]);
  }
  await announce(running.environment.agents.map(({ address }) => address));
}

/** An error that nobody expected, with secrets in every form in which libraries put them into messages. */
const message = `connect failed: password=${thrown.equals}; password: ${thrown.colon}; {"token":"${thrown.json}"}; authorization: Bearer ${thrown.bearer}; postgres://admin:${thrown.url}@db/x; x-api-key: ${thrown.header}`;

async function anErrorThatNobodyExpected(): Promise<void> {
  throws.set({ 'dns/do': message });
  expect((await start()).body).toMatchObject({ status: 500, code: 'INTERNAL' });
}

async function aStuckUndo(): Promise<void> {
  throws.set({ 'handshake/do': message, 'dns/undo': message });
  const { body } = await start();
  expect(body).toMatchObject({ status: 500, needs_attention: true });
  const runId = String(body['run_id']);
  expect((await ask('GET', '/attention')).body['items']).toMatchObject([{ run_id: runId, step: 'dns' }]);
  throws.clear();
  const decision = { action: 'retry', reason: 'it is back' };
  expect(await ask('POST', `/runs/${runId}/steps/dns/resolve`, decision)).toMatchObject({ status: 200 });
  expect((await running.ended(runId)).state).toBe('rolled_back');
  await ask('GET', `/runs/${runId}`);
  await ask('GET', `/runs/${runId}/events?after=0`);
}

async function everythingElse(token: string, webhookId: string): Promise<void> {
  await eventually(async () => {
    const { body } = await ask('GET', `/webhooks/${webhookId}/deliveries`);
    const events = (body['deliveries'] as { event: string; state: string }[]).filter(
      ({ state }) => state === 'delivered',
    );
    expect(new Set(events.map(({ event }) => event))).toEqual(
      new Set(['run.rolled_back', 'run.needs_attention', 'run.resolved']),
    );
  });
  for (const path of ['/runs', '/tokens', '/webhooks', '/gateways/replicas', '/gateways/allocations', '/edges'])
    expect(await ask('GET', path)).toMatchObject({ status: 200 });
  for (const path of ['/readyz', '/metrics', '/openapi.json', '/nowhere', `/runs?token=${token}`])
    await ask('GET', path);
  expect(await ask('GET', '/runs', undefined, `${token}x`)).toMatchObject({ status: 401 });
  expect(await ask('POST', '/runs', { secret: token }, token)).toMatchObject({ status: 405 });
}

async function histories(): Promise<Haystack[]> {
  const all: Haystack[] = [];
  for await (const run of fetchHistories(running.environment.settings.temporal, { newest: 100 })) {
    const bytes = Buffer.from(temporal.api.history.v1.History.encode(run.history).finish());
    all.push({ where: `history of ${run.workflowId} (JSON)`, bytes: Buffer.from(historyText(run)) });
    all.push({ where: `history of ${run.workflowId} (payloads)`, bytes });
  }
  return all;
}

async function journal(): Promise<Haystack> {
  const entries = [];
  for await (const entry of allEntries(running.store)) entries.push(entry);
  return { where: 'the journal', bytes: Buffer.from(JSON.stringify(entries)) };
}

/** What every user of the machine can see of the processes. */
function commandLines(): Haystack[] {
  return Object.entries(running.environment.pids).map(([name, pid]) => ({
    where: `the command line of ${name}`,
    bytes: readFileSync(`/proc/${pid}/cmdline`),
  }));
}

/** Files that are there to hold secrets, for their owner alone. */
const isSecretFile = ({ where }: Haystack): boolean =>
  where.startsWith('secrets/') ||
  where === 'admin-token' ||
  where === 'powerdns/pdns.conf' ||
  where === 'run/throws.json';

test('no secret is left in histories, the store, logs, answers or command lines', async () => {
  const { body: minted } = await ask('POST', '/tokens', { name: 'canary', scope: 'operate' });
  const token = String(minted['token']);
  const mintedAnswer = answers.pop()!; // the one place where a token is told
  const hook = { url: `http://${receiver.address}/hook`, secret: webhookSecret };
  const { body: webhook } = await ask('POST', '/webhooks', hook);
  const throwAt = (step: string | undefined): void =>
    step === undefined ? throws.clear() : throws.set({ [step]: message });

  await aSuccess(token);
  await handshakesThatFail();
  await anErrorThatNobodyExpected();
  await aStuckUndo();
  await everythingElse(token, String(webhook['id']));
  const deploy = { running, organizationId: databaseOwner, receiver: receiver.address, ask, askSecret, throwAt };
  const ofDatabases = await aDeploy(deploy);

  const { identities, home } = running.environment;
  const secrets: Wanted[] = [
    ...identities.replicas.map(({ name, secretFile }) => ({ name, value: readFileSync(secretFile, 'utf8').trim() })),
    { name: 'the key of PowerDNS', value: identities.dnsApiKey },
    { name: 'the admin token', value: parseToken(`Bearer ${running.token}`)!.secret },
    { name: 'the other token', value: parseToken(`Bearer ${token}`)!.secret },
    { name: 'the webhook secret', value: webhookSecret },
    ...ofDatabases,
    { name: 'what the replica answered', value: inBody },
    ...Object.entries(thrown).map(([form, value]) => ({ name: `what was thrown (${form})`, value })),
  ];
  const places = [
    ...[...filesBelow(home.directory)].filter((file) => !isSecretFile(file)),
    ...(await histories()),
    ...answers,
    await journal(),
    { where: 'what webhooks were told', bytes: Buffer.from(receiver.heard.join('\n')) },
    ...commandLines(),
  ];
  expect(findAll(secrets, places)).toEqual([]);

  // What is known to be there is found, and so would have been the secrets.
  const where = (value: string): string => findAll([{ name: 'control', value }], places).join('\n');
  const ofTheRun = where(organizationId);
  for (const place of [
    /as text in temporal\/temporal\.db/,
    /as text in store\.db/,
    /as text in history of .* \(payloads\)/,
    /as base64 \+\d in history of .* \(JSON\)/,
    /as text in the answer to POST \/gateway\/start/,
    /as text in the journal/,
  ])
    expect(ofTheRun).toMatch(place);
  const ofTheDeploy = where(databaseOwner);
  for (const place of [/text in store\.db/, /text in history of deploy-.* \(payloads\)/, /text in logs\/api\.log/])
    expect(ofTheDeploy).toMatch(place);
  expect(where('deploy_request.schema_applied')).toMatch(/as text in what webhooks were told/);
  for (const kept of ['answered 418', 'password=***']) expect(where(kept)).toMatch(/as text in the journal/);
  expect(where('worker polls')).toMatch(/as text in logs\/worker\.log/);
  expect(where('/gateway/start')).toMatch(/as text in logs\/api\.log/);
  expect(where(home.directory)).toMatch(/as text in the command line of powerdns/);
  expect(findAll(secrets, [mintedAnswer])).toEqual([`the other token as text in ${mintedAnswer.where}`]);
  expect(findAll(secrets, filesBelow(home.directory))).toEqual(
    expect.arrayContaining([expect.stringMatching(/^the key of PowerDNS as text in secrets\//)]),
  );
});
