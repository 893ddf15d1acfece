import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { writeSecret } from '../../drivers/secrets/files';
import { eventually } from '../support/eventually';
import type { RunningEnvironment } from '../support/running';
import type { Wanted } from './scan';

interface Asked {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** What a life of databases is lived with. */
export interface DeployParts {
  readonly running: RunningEnvironment;
  readonly organizationId: string;
  /** Where webhooks are sent to. */
  readonly receiver: string;
  readonly ask: (method: string, path: string, body?: unknown) => Promise<Asked>;
  /** The same of whose answer tells a secret, the one time when it is told. */
  readonly askSecret: (method: string, path: string, body?: unknown) => Promise<Asked>;
  /** Has a step throw an error that nobody expected; undefined ends it. */
  readonly throwAt: (step: string | undefined) => void;
}

/** The secrets of an environment that hold the URLs of its servers. */
const urls = { postgresql: 'postgresql-url', mysql: 'mariadb-url' } as const;

/**
 * Databases from nothing to nothing: accounts, a deploy with everything in it that fails, and servers whose secret is wrong
 * or is none. @returns what must be nowhere.
 */
export async function aDeploy(parts: DeployParts): Promise<Wanted[]> {
  const secrets = Object.entries(urls).flatMap(([kind, name]) => {
    const url = readFileSync(secretFile(parts, name), 'utf8').trim();
    return [
      { name: `the administrator's URL (${kind})`, value: url },
      { name: `the administrator's password (${kind})`, value: new URL(url).password },
    ];
  });
  return [...secrets, ...(await aLife(parts)), ...(await aServerThatCannotBeReached(parts))];
}

/** Opened, deployed, applied, kept; a step fails on the way as nobody expected. */
async function aLife(parts: DeployParts): Promise<Wanted[]> {
  const { ask, askSecret, receiver, throwAt } = parts;
  const all = `/v1/organizations/${parts.organizationId}/databases`;
  const shop = `${all}/canary`;
  const is = async (path: string, member: string, value: string): Promise<void> =>
    await eventually(async () => expect((await ask('GET', path)).body[member]).toBe(value), 30_000);
  const done = async (method: string, path: string, body?: unknown): Promise<void> =>
    expect([path, Math.floor((await ask(method, path, body)).status / 100)]).toEqual([path, 2]);
  const account = async (branch: string): Promise<Record<string, string>> =>
    (await askSecret('POST', `${shop}/branches/${branch}/passwords`, {})).body as Record<string, string>;

  await done('POST', all, { name: 'canary', kind: 'postgresql' });
  await is(shop, 'state', 'ready');
  const hook = await askSecret('POST', `${shop}/webhooks`, { url: `http://${receiver}/databases` });
  const main = await account('main');
  await sql(main['url']!, 'CREATE TABLE orders (id int PRIMARY KEY, amount int NOT NULL)');
  await done('POST', `${shop}/branches`, { name: 'dev', parent_branch: 'main' });
  await is(`${shop}/branches/dev`, 'state', 'ready');
  const dev = await account('dev');
  await sql(dev['url']!, 'ALTER TABLE orders ALTER amount TYPE bigint');
  await done('POST', `${shop}/deploy-requests`, { branch: 'dev', into_branch: 'main' });
  const one = `${shop}/deploy-requests/1`;
  await is(one, 'deployment_state', 'ready');
  throwAt('prove/do');
  await done('POST', `${one}/deploy`, {});
  await is(one, 'deployment_state', 'in_progress');
  await failed(parts, 'prove');
  throwAt(undefined);
  await is(one, 'deployment_state', 'pending_cutover');
  await done('POST', `${one}/apply-deploy`, {});
  await is(one, 'deployment_state', 'complete_pending_revert');
  for (const path of ['', '/deployment', '/operations', '/diff', '/losses']) await ask('GET', `${one}${path}`);
  await done('POST', `${one}/skip-revert`, {});
  await is(one, 'deployment_state', 'complete');
  for (const path of ['/branches/main/passwords', '/webhooks', '/deploy-queue', '/branches/dev/diff'])
    await done('GET', `${shop}${path}`);
  await done('DELETE', `${shop}/branches/dev/passwords/${dev['id']}`);
  await done('DELETE', shop);
  return [
    { name: 'the secret of the webhook of a database', value: String(hook.body['secret']) },
    ...[main, dev].flatMap(({ url, plain_text: password }, i) => [
      { name: `the URL of account ${i}`, value: url! },
      { name: `the password of account ${i}`, value: password! },
    ]),
  ];
}

/** The secret of a server has a wrong password, then is no URL at all; what is wanted of it is done once it is right. */
async function aServerThatCannotBeReached(parts: DeployParts): Promise<Wanted[]> {
  const { ask, running, organizationId } = parts;
  const all = `/v1/organizations/${organizationId}/databases`;
  const { secrets } = running.environment.home;
  const right = readFileSync(secretFile(parts, urls.mysql), 'utf8').trim();
  const wrong = [0, 1].map(() => `canary${randomBytes(12).toString('hex')}`);
  const url = new URL(right);
  url.password = wrong[0]!;
  await writeSecret(secrets, urls.mysql, url.href);
  expect(await ask('POST', all, { name: 'unreached', kind: 'mysql' })).toMatchObject({ status: 201 });
  await failed(parts, 'schema');
  await writeSecret(secrets, urls.mysql, `mysql://root:${wrong[1]}@[127.0.0.1/`);
  await ask('POST', all, { name: 'unreadable', kind: 'mysql' });
  await failed(parts, 'schema', 2);
  await writeSecret(secrets, urls.mysql, right);
  return wrong.map((value, i) => ({ name: ['a wrong password', 'what is no URL'][i]!, value }));
}

/** Waits until a step has failed in as many runs. */
async function failed({ running }: DeployParts, step: string, runs = 1): Promise<void> {
  await eventually(async () => {
    const entries = await running.store.journal.after(0, { limit: 10_000 });
    const failures = entries.filter((entry) => entry.type === 'attempt.ended' && entry.step === step && entry.error);
    expect(new Set(failures.map(({ runId }) => runId)).size).toBe(runs);
  }, 30_000);
}

function secretFile({ running }: DeployParts, name: string): string {
  return join(running.environment.home.secrets, name);
}

async function sql(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
