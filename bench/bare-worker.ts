import { writeFileSync } from 'node:fs';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { gatewaySteps } from '../activities/gateway/create';
import { readSettings } from '../environment/settings';
import { openStore } from '../prisma/open';
import { workerIdentity } from '../worker/identity';
import { gatewayPorts } from '../worker/ports';
import { bareEdgeQueue, bareQueue } from './bare-contract';
import { barePublishers } from './bare-steps';

/** A worker of the bare workflow, with the options and the activities of Gatewright's worker and nothing around them. */
async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const settings = readSettings();
  const store = await openStore(settings.databaseUrl);
  const publishers = barePublishers(settings, store);
  const steps = gatewaySteps(gatewayPorts(settings, { store, identity: workerIdentity(), publishers }));
  const connection = await NativeConnection.connect({ address: settings.temporal.address });
  const common = { connection, namespace: settings.temporal.namespace, shutdownGraceTime: '10s' } as const;
  const general = Worker.create({
    ...common,
    taskQueue: bareQueue,
    workflowsPath: require.resolve('./bare-workflow'),
    activities: { ...steps },
    stickyQueueScheduleToStartTimeout: '1s',
  });
  const publishing = settings.edges.map(({ name }) =>
    Worker.create({
      ...common,
      taskQueue: bareEdgeQueue(name),
      activities: { publish: steps.publish },
      maxConcurrentActivityTaskExecutions: 500,
    }),
  );
  const workers = await Promise.all([general, ...publishing]);
  const run = Promise.all(workers.map((worker) => worker.run()));
  writeFileSync(process.env.GATEWRIGHT_READY_FILE!, `${process.pid}\n`);
  process.on('SIGTERM', () => workers.forEach((worker) => worker.getState() === 'RUNNING' && worker.shutdown()));
  await run;
  process.exit(0);
}

void main();
