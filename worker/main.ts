import { Worker, type NativeConnection, type WorkerInterceptors, type WorkerOptions } from '@temporalio/worker';
import { databaseSteps } from '../activities/database/create';
import { deploySteps } from '../activities/deploy/create';
import type { DeployPorts } from '../activities/deploy/ports';
import { fleetSteps } from '../activities/fleet/create';
import type { FleetPorts } from '../activities/fleet/ports';
import { gatewaySteps } from '../activities/gateway/create';
import { recordActivities } from '../activities/record';
import { watchTaskQueue } from '../domain/fleet/contract';
import { edgeTaskQueue, taskQueue } from '../domain/gateway/contract';
import type { Settings } from '../domain/settings';
import { openStore } from '../prisma/open';
import type { Store } from '../prisma/store';
import { workflowCode } from './bundle';
import { connectWorker } from './connection';
import { deployPorts } from './databases';
import { openEdges, type WorkerEdges } from './edges';
import { openFleet, type WorkerFleet } from './fleet';
import { workerIdentity } from './identity';
import { FailureBoundary } from './interceptors/failures';
import { Heartbeat } from './interceptors/heartbeat';
import { JournalInterceptor } from './interceptors/journal';
import { Liveness } from './liveness';
import { workerLog } from './log';
import { gatewayPorts } from './ports';

/** How a worker may differ from the one that settings alone describe. */
export interface WorkerExtras {
  /** Activity interceptors that run inside the journal and the failure boundary. */
  readonly activityInterceptors?: WorkerInterceptors['activity'];
  readonly options?: Partial<WorkerOptions>;
  /** Takes the place of parts of what the fleet's activities act on. */
  readonly fleet?: (ports: FleetPorts) => FleetPorts;
  /** Takes the place of parts of what the steps of databases act on. */
  readonly deploys?: (ports: DeployPorts) => DeployPorts;
}

/** A worker that runs. */
export interface RunningWorker {
  /** Resolves when it has shut down; rejects when it broke. */
  readonly run: Promise<void>;
  /** Finishes what is under way, then ends `run`. */
  shutdown(): void;
}

/**
 * Starts a worker: workflows and steps on the common queue, publishing on the queue of each edge of this host.
 * Resolves when it polls.
 */
export async function runWorker(settings: Settings, extras: WorkerExtras = {}): Promise<RunningWorker> {
  const identity = workerIdentity();
  const log = workerLog(identity);
  const store = await openStore(settings.databaseUrl);
  const liveness = new Liveness(store, identity, (error) => log.warn({ error: error.message }, 'liveness not renewed'));
  await liveness.start();
  const edges = await openEdges(settings, store, identity, log);
  const connection = await connectWorker(settings.temporal, (reason) => log.info({ reason }, 'waiting for Temporal'));
  const fleet = settings.fleet && (await openFleet({ settings, fleet: settings.fleet, store, connection }));
  const workers = await createWorkers({ settings, extras, store, identity, edges, connection, fleet });
  log.info({ queues: workers.map((worker) => worker.options.taskQueue) }, 'worker polls');
  const run = Promise.all(workers.map((worker) => worker.run())).finally(async () => {
    workers.forEach(shutDown);
    await edges.close();
    await fleet?.close();
    await liveness.stop().catch(() => undefined);
    await connection.close();
    await store.close();
    log.info('worker ended');
  });
  return { run: run.then(() => undefined), shutdown: () => workers.forEach(shutDown) };
}

interface Parts {
  readonly settings: Settings;
  readonly extras: WorkerExtras;
  readonly store: Store;
  readonly identity: string;
  readonly edges: WorkerEdges;
  readonly connection: NativeConnection;
  readonly fleet: WorkerFleet | undefined;
}

async function createWorkers({
  settings,
  extras,
  store,
  identity,
  edges,
  connection,
  fleet,
}: Parts): Promise<Worker[]> {
  const steps = gatewaySteps(
    gatewayPorts(settings, { store, identity, publishers: edges.publishers, secrets: fleet?.ports.secrets }),
  );
  const machines = fleet && fleetSteps((extras.fleet ?? ((ports) => ports))(fleet.ports));
  const databases = (extras.deploys ?? ((ports) => ports))(deployPorts({ settings, store, connection }));
  const journal = new JournalInterceptor(store.journal, identity);
  const boundary = new FailureBoundary();
  const heartbeat = new Heartbeat();
  const activity = [
    () => ({ inbound: heartbeat }),
    () => ({ inbound: journal }),
    () => ({ inbound: boundary }),
    ...(extras.activityInterceptors ?? []),
  ];
  const code = workflowCode();
  const common = { connection, namespace: settings.temporal.namespace, identity, shutdownGraceTime: '10s' } as const;
  const main = await Worker.create({
    ...common,
    ...code,
    taskQueue,
    activities: together(
      recordActivities(store),
      steps,
      machines ?? {},
      databaseSteps(databases),
      deploySteps(databases),
    ),
    interceptors: { ...code.interceptors, activity },
    // A dead worker's sticky queue holds the next workflow task of its runs up for this long.
    stickyQueueScheduleToStartTimeout: '1s',
    // Whoever keeps two sides alike waits most of the time, and there is one for each deployment that is not over.
    maxConcurrentActivityTaskExecutions: 5_000,
    ...extras.options,
  });
  const publishing = [...edges.publishers.keys()].map((edge) =>
    Worker.create({
      ...common,
      taskQueue: edgeTaskQueue(edge),
      activities: { publish: steps.publish },
      interceptors: { activity },
      // Waiting for a shared generation costs nothing, and a burst shares few of them.
      maxConcurrentActivityTaskExecutions: 500,
    }),
  );
  const watching = machines
    ? [
        Worker.create({
          ...common,
          taskQueue: watchTaskQueue,
          // Who waits for as long as a replica lives has nothing to finish; another worker goes on at once.
          shutdownGraceTime: 0,
          activities: { watch: machines.watch, awaitFree: machines.awaitFree, nextLacking: machines.nextLacking },
          interceptors: { activity },
          // As many as replicas serve; each waits most of the time.
          maxConcurrentActivityTaskExecutions: 5_000,
        }),
      ]
    : [];
  return [main, ...(await Promise.all([...publishing, ...watching]))];
}

/** All activities of a worker, which has one of each name. @throws Error for two of one name */
function together(...groups: readonly object[]): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const group of groups) {
    const twice = Object.keys(group).find((name) => Object.hasOwn(all, name));
    if (twice !== undefined) throw new Error(`two activities are called ${twice}`);
    Object.assign(all, group);
  }
  return all;
}

function shutDown(worker: Worker): void {
  if (worker.getState() === 'RUNNING') worker.shutdown();
}
