import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startService, type Service } from '../../../api/service';
import type { Limits } from '../../../api/limits';
import { defaultDeployPolicy } from '../../../domain/deploy/states';
import { defaultFleetPolicy, type FleetPolicy } from '../../../domain/fleet/policy';
import type { Settings } from '../../../domain/settings';
import type { Scope, Store } from '../../../prisma/store';
import { hashSecret, mintToken } from '../../../prisma/token-secret';
import { FakeEngine } from './fake-engine';
import { openTestStore } from './store';

/** What a test's API is made with. */
export interface ApiOptions {
  readonly waitMs?: number;
  readonly rateLimit?: number;
  readonly limits?: Partial<Limits>;
  readonly webhookNetworks?: readonly string[];
  readonly now?: () => Date;
  readonly fleetPolicy?: Partial<FleetPolicy>;
  /** Gets every line of the API's log. */
  readonly log?: (line: string) => void;
}

/** An answer, read. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly json: any;
}

/** An API of its own on SQLite, with the engine replaced. */
export class TestApi {
  private constructor(
    readonly store: Store,
    readonly engine: FakeEngine,
    readonly service: Service,
    readonly settings: Settings,
    /** Where its store and its secrets are. */
    readonly directory: string,
    /** The texts of tokens for all organizations. */
    readonly tokens: Readonly<Record<Scope, string>>,
  ) {}

  static async start(options: ApiOptions = {}): Promise<TestApi> {
    const directory = mkdtempSync(join(tmpdir(), 'gatewright-api-'));
    const store = await openTestStore(directory);
    const engine = new FakeEngine(store);
    const settings = settingsFor(directory, options);
    const log = options.log ? pino({ level: 'trace' }, { write: options.log }) : pino({ level: 'silent' });
    const service = await startService({
      ...{ store, engine, settings, log },
      ...(options.now && { now: options.now }),
      limits: { pollMs: 20, ...options.limits },
    });
    const tokens = {
      read: await token(store, 'read', null),
      operate: await token(store, 'operate', null),
      admin: await token(store, 'admin', null),
    };
    return new TestApi(store, engine, service, settings, directory, tokens);
  }

  get url(): string {
    return this.service.url;
  }

  /** A token of its own. */
  token(scope: Scope, organizationId: string | null): Promise<string> {
    return token(this.store, scope, organizationId);
  }

  /** Adds a replica that is up, at an address of its own. @returns its id and secret. */
  async replica(): Promise<{ id: string; secret: string }> {
    const id = randomUUID();
    const secret = randomUUID();
    const port = 20_000 + (await this.store.pool.replicas()).length;
    await this.store.pool.register({ id, name: `replica-${port}`, secretHash: hashSecret(secret) });
    await this.store.pool.announce({
      id,
      secretHash: hashSecret(secret),
      address: `127.0.2.1:${port}`,
      servingEpoch: 0,
    });
    return { id, secret };
  }

  /** Sends a request; as `operate` unless told. A string body is sent as it is. */
  async call(
    method: string,
    path: string,
    {
      body,
      token = this.tokens.operate,
      headers = {},
    }: { body?: unknown; token?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      redirect: 'manual',
    });
    const text = await response.text();
    const json: unknown =
      /json/.test(response.headers.get('content-type') ?? '') && text ? JSON.parse(text) : undefined;
    return { status: response.status, headers: response.headers, text, json };
  }

  /** `POST` with a body. */
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.call('POST', path, { body, headers });
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.store.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Fails unless an answer is a problem of this code, with everything that a problem has. */
export function expectProblem(reply: Reply, status: number, code: string): void {
  expect({ status: reply.status, type: reply.headers.get('content-type'), code: reply.json?.code }).toEqual({
    status,
    type: expect.stringMatching(/^application\/problem\+json/),
    code,
  });
  expect(reply.json).toMatchObject({
    type: `https://gatewright.dev/problems/${code.toLowerCase().replaceAll('_', '-')}`,
    status,
    title: expect.stringMatching(/./),
    detail: expect.stringMatching(/./),
    instance: `urn:uuid:${reply.headers.get('x-request-id')}`,
  });
}

/** Looks again and again until `look` answers with something. */
export async function eventually<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function token(store: Store, scope: Scope, organizationId: string | null): Promise<string> {
  const { id, hash, text } = mintToken();
  await store.tokens.create({ id, name: `test ${scope}`, secretHash: hash, scope, organizationId, expiresAt: null });
  return text;
}

function settingsFor(directory: string, options: ApiOptions): Settings {
  return {
    databaseUrl: '',
    temporal: { address: '', namespace: '' },
    api: { host: '127.0.0.1', port: 0, rateLimit: options.rateLimit ?? 100_000, waitMs: options.waitMs ?? 5_000 },
    zone: { name: 'gw.test', apiUrl: '', apiKeyFile: '', dnsAddress: '', ttl: 5 },
    edgeIp: '127.0.0.1',
    edges: [],
    networks: ['127.0.2.0/24'],
    webhookNetworks: options.webhookNetworks ?? [],
    secretsDirectory: join(directory, 'secrets'),
    placements: { store: 'local', dns: 'local', handshake: 'local' },
    policy: {
      stepTimeoutMs: 1_000,
      stepAttempts: 2,
      retryIntervalMs: 10,
      undoAttempts: 2,
      edgeDeadlineMs: 1_000,
      attentionDeadlineMs: 1_000,
    },
    fleet: {
      keyFile: '',
      apiUrl: '',
      agentPort: 80,
      backends: [
        { backend: 'aws', regions: ['eu-west-1', 'us-east-1'] },
        { backend: 'docker', regions: ['local'] },
        { backend: 'static', regions: ['rack-1'] },
      ],
      policy: { ...defaultFleetPolicy, ...options.fleetPolicy },
    },
    databases: {
      policy: defaultDeployPolicy,
      servers: [
        { kind: 'mysql', secret: 'mariadb-url', address: '127.0.0.1:13306' },
        { kind: 'postgresql', secret: 'postgres-url', address: '127.0.0.1:15432', database: 'gatewright' },
      ],
    },
  };
}
