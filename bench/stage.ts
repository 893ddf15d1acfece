import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { StartGateway } from '../domain/gateway/contract';
import type { Settings } from '../domain/settings';
import { readDescription, withAutoPorts, withoutDatabases, withoutMachines } from '../environment/description';
import { Environment } from '../environment/environment';
import { startWorker } from '../environment/programs';
import { openDatabase, storeOn } from '../prisma/open';
import type { Database } from '../prisma/database';
import type { Store } from '../prisma/store';
import { BareSteps } from './bare-steps';
import { Replicas } from './replicas';

/** Name of the process that runs the bare workflow. */
export const bareWorker = 'bare-worker';

/** How a stage is set. */
export interface StageOptions {
  /** Replicas of the pool. */
  readonly replicas: number;
  /** Agents that are processes of their own, as `gatewright up` has them, beside the replicas. */
  readonly agents?: number;
  readonly env: NodeJS.ProcessEnv;
  /** Another worker program, as in `bench/pausing-worker`. */
  readonly workerEntry?: string;
}

/** A private environment with everything that is measured on it. It leaves nothing when it is closed. */
export class Stage {
  private routed = 0;

  private constructor(
    private readonly directory: string,
    readonly environment: Environment,
    private readonly database: Database,
    readonly store: Store,
    readonly replicas: Replicas,
    readonly bare: BareSteps,
    readonly client: Client,
  ) {}

  /** Brings a stage up. @throws Error for a database that is in use: a bench fills it with made-up routes. */
  static async start({ replicas: count, agents = 0, env, workerEntry }: StageOptions): Promise<Stage> {
    const directory = mkdtempSync(join(tmpdir(), 'gw-bench-'));
    const defaults = withoutDatabases(withoutMachines(withAutoPorts(readDescription())));
    const description = {
      ...defaults,
      agents: { ...defaults.agents, count: agents },
      api: { ...defaults.api, rateLimit: 1_000_000 },
    };
    const environment = await Environment.start({ directory, description, env, ...(workerEntry && { workerEntry }) });
    const { settings } = environment;
    try {
      const database = openDatabase(settings.databaseUrl);
      const store = storeOn(database);
      if ((await store.pool.replicas()).length > agents || (await store.routes.head()) > 0)
        throw new Error('the database of DATABASE_URL is in use; give the bench an empty one');
      const replicas = await Replicas.start(environment, store, count);
      await startBareWorker(environment, env['TEMPORAL_ADDRESS'] !== undefined);
      const connection = await Connection.connect({ ...connectionOptions(settings, env) });
      const client = new Client({ connection, namespace: settings.temporal.namespace });
      const bare = new BareSteps(settings, store);
      return new Stage(directory, environment, database, store, replicas, bare, client);
    } catch (error) {
      await environment.stop();
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  get settings(): Settings {
    return this.environment.settings;
  }

  /** Input of a start for an organization that nobody has heard of. */
  input(): StartGateway {
    const { zone, placements, policy } = this.settings;
    return { organizationId: randomUUID(), allocationId: randomUUID(), zone: zone.name, placements, policy };
  }

  /** Calls the API with the admin token. */
  async call(
    path: string,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(this.environment.apiUrl + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.environment.identities.adminToken}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  /**
   * Makes so many organizations routed, beside those that are measured: rows of the routes table, published once. Their
   * addresses are nobody's, since nothing asks for them.
   */
  async route(count: number): Promise<void> {
    const [from, now] = [this.routed, new Date()];
    if (count <= from) return;
    const revision = await this.store.routes.head();
    await this.database.transaction(async (client) => {
      for (let i = from; i < count; i += 1_000)
        await client.route.createMany({
          data: Array.from({ length: Math.min(1_000, count - i) }, (_, j) => {
            const hostname = `org-${randomUUID()}.${this.settings.zone.name}`;
            const address = `${this.environment.description.agents.ip}:9`;
            const at = { revision: BigInt(revision + 1 + i - from + j), changedAt: now };
            return { allocationId: randomUUID(), hostname, liveHostname: hostname, address, ...at };
          }),
        });
      await client.counter.upsert({
        where: { name: 'routes.revision' },
        create: { name: 'routes.revision', value: BigInt(revision + count - from) },
        update: { value: BigInt(revision + count - from) },
      });
    });
    this.routed = count;
    await this.bare.publish(revision + count - from);
  }

  /** Reloads of all edges so far. */
  async reloads(): Promise<Record<string, number>> {
    return Object.fromEntries((await this.store.edges.list()).map(({ name, reloads }) => [name, reloads]));
  }

  /** Takes down whatever is still allocated. */
  async clear(): Promise<void> {
    for (;;) {
      const open = await this.store.pool.allocations({ open: true, limit: 500 });
      if (open.length === 0) return;
      await this.bare.takeDown(open.map(({ id }) => id));
    }
  }

  async close(): Promise<void> {
    await this.client.connection.close();
    await this.bare.close();
    await this.environment.stop();
    await this.replicas.stop();
    await this.store.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Its worker is one of the environment's processes, so that it ends with them. */
async function startBareWorker(environment: Environment, externalTemporal: boolean): Promise<void> {
  const { home, settings, settingsFile, supervisor } = environment;
  const options = { home, settings, settingsFile, name: bareWorker, externalTemporal, entry: 'bench/bare-worker' };
  await supervisor.start(bareWorker, async () => await startWorker(options));
}

function connectionOptions({ temporal }: Settings, env: NodeJS.ProcessEnv): { address: string } {
  const external = env['TEMPORAL_ADDRESS'] ? loadClientConnectConfig().connectionOptions : {};
  return { ...external, address: external?.address ?? temporal.address };
}
