import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { startService, type Service } from '../../../api/service';
import { connectEngine } from '../../../api/temporal-engine';
import type { BackendSettings, Settings } from '../../../domain/settings';
import type { Store } from '../../../prisma/store';
import { mintToken } from '../../../prisma/token-secret';
import { runWorker, type RunningWorker } from '../../../worker/main';
import { FleetWorld, testFleetPolicy } from '../../fleet/support/world';

const backends: readonly BackendSettings[] = [
  { backend: 'aws', regions: ['eu-west-1', 'us-east-1'] },
  { backend: 'docker', regions: ['local'] },
];

/** An API and a worker on a real Temporal and a real store; only the cloud and its machines are in memory. */
export class ServedFleet {
  private constructor(
    readonly world: FleetWorld,
    /** Of an administrator of all organizations. */
    readonly token: string,
    private readonly service: Service,
    private readonly worker: RunningWorker,
    private readonly disconnect: () => Promise<void>,
  ) {}

  static async start(): Promise<ServedFleet> {
    const world = await FleetWorld.start({ ...testFleetPolicy, healthIntervalMs: 1_000 });
    const settings: Settings = { ...world.settings, fleet: { ...world.settings.fleet!, backends } };
    const worker = await startWorker(world, settings);
    const { engine, close } = connectEngine(settings.temporal);
    const service = await startService({ store: world.store, engine, settings, log: pino({ level: 'silent' }) });
    return new ServedFleet(world, await adminToken(world.store, null), service, worker, close);
  }

  get url(): string {
    return this.service.url;
  }

  get store(): Store {
    return this.world.store;
  }

  /** A token of an administrator of one organization. */
  tokenFor(organizationId: string): Promise<string> {
    return adminToken(this.store, organizationId);
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.disconnect();
    this.worker.shutdown();
    await this.worker.run;
    await this.world.close();
  }
}

async function startWorker({ cloud, hosts }: FleetWorld, settings: Settings): Promise<RunningWorker> {
  return await runWorker(
    { ...settings, fleet: { ...settings.fleet!, backends: [] } },
    {
      fleet: (ports) => ({
        ...ports,
        clouds: new Map(backends.map(({ backend }) => [backend, cloud])),
        hosts,
        backendFacts: () => ({ available: true, loadBalancer: false }),
      }),
    },
  );
}

async function adminToken(store: Store, organizationId: string | null): Promise<string> {
  const { id, hash, text } = mintToken();
  const name = `admin ${randomUUID().slice(0, 8)}`;
  await store.tokens.create({ id, name, secretHash: hash, scope: 'admin', organizationId, expiresAt: null });
  return text;
}
