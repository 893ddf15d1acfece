import type { WorkerInterceptors } from '@temporalio/worker';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { pino } from 'pino';
import { startService, type Service } from '../../../api/service';
import { connectEngine } from '../../../api/temporal-engine';
import { hashSecret, mintToken } from '../../../prisma/token-secret';
import { DeployWorld, SERVER, testDeployPolicy } from '../../deploy/support/world';
import type { Target } from '../../deploy/support/targets';
import { Sdk } from './sdk';

export interface ServedExtras {
  /** Hold the worker's activities up, or have them fail. */
  readonly gates?: WorkerInterceptors['activity'];
  /** Bytes, or null where nobody knows. */
  readonly freeDisk?: () => number | null;
}

/** Gatewright with a database server, and PlanetScale's SDK in front of it: nothing is replaced. */
export class Served {
  private started: Sdk | undefined;

  private constructor(
    readonly world: DeployWorld,
    readonly service: Service,
    /** Of an administrator of the organization, as the SDK sends it. */
    readonly authorization: string,
    /** Every line of the API's log. */
    readonly log: readonly string[],
    private readonly disconnect: () => Promise<void>,
  ) {}

  static async start(target: Target, { gates, freeDisk }: ServedExtras = {}): Promise<Served> {
    const world = await DeployWorld.start(target);
    await world.startWorker(
      gates,
      freeDisk && ((ports) => ({ ...ports, freeDisk: () => Promise.resolve(freeDisk()) })),
    );
    const { hostname, port } = new URL(target.url);
    const database = new URL(target.url).pathname.slice(1);
    const server = { kind: target.kind, secret: SERVER, address: `${hostname}:${port}`, ...(database && { database }) };
    const settings = { ...world.settings, databases: { policy: testDeployPolicy, servers: [server] } };
    const log: string[] = [];
    const { engine, close } = connectEngine(settings.temporal);
    const service = await startService({
      ...{ store: world.store, engine, settings },
      log: pino({ level: 'trace' }, { write: (line: string) => void log.push(line) }),
    });
    const { organizationId } = world;
    const { id, secret } = mintToken();
    const token = { id, name: 'sdk', secretHash: hashSecret(secret), scope: 'admin', organizationId, expiresAt: null };
    await world.store.tokens.create({ ...token, scope: 'admin' });
    return new Served(world, service, `${id}:${secret}`, log, close);
  }

  get sdk(): Sdk {
    this.started ??= Sdk.start(this.service.url, this.authorization, this.world.organizationId);
    return this.started;
  }

  /** A call that the SDK does not know. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async ours(method: string, path: string, body?: object): Promise<any> {
    const address = `${this.service.url}/v1/organizations/${this.world.organizationId}/databases${path}`;
    const answer = await fetch(address, {
      method,
      headers: { authorization: this.authorization, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, ...((await answer.json()) as object) };
  }

  async close(): Promise<void> {
    await this.started?.close();
    await this.service.close();
    await this.disconnect();
    await this.world.close();
  }
}

/** Somebody who was given an account: works with its URL alone. */
export class Account {
  constructor(private readonly url: string) {}

  /** Runs statements, the rows of the last one being the answer. */
  async run(...statements: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return this.url.startsWith('mysql:') ? await onMySql(this.url, statements) : await onPostgres(this.url, statements);
  }
}

type Rows = readonly Readonly<Record<string, unknown>>[];

async function onMySql(url: string, statements: readonly string[]): Promise<Rows> {
  const connection = await createConnection(url);
  try {
    let rows: unknown = [];
    for (const statement of statements) [rows] = await connection.query(statement);
    return rows as Rows;
  } finally {
    connection.destroy();
  }
}

async function onPostgres(url: string, statements: readonly string[]): Promise<Rows> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Rows = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } finally {
    await client.end();
  }
}
