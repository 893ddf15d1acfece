import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { FleetPorts } from '../activities/fleet/ports';
import { network } from '../domain/address';
import { FleetWorkflow } from '../domain/fleet/contract';
import type { FleetSettings, Settings } from '../domain/settings';
import { DerivedSecrets } from '../drivers/secrets/derived';
import { readSecretFile } from '../drivers/secrets/files';
import type { Store } from '../prisma/store';
import { backendFacts, openClouds } from './clouds';
import { MachineHosts } from './hosts';
import { ensureSweepSchedule } from './sweep-schedule';

/** What the fleet's activities of this process act on. */
export interface WorkerFleet {
  readonly ports: FleetPorts;
  /** Lets go of connections. */
  close(): Promise<void>;
}

/** What opening a fleet takes beside its settings. */
interface FleetParts {
  readonly settings: Settings;
  readonly fleet: FleetSettings;
  readonly store: Store;
  readonly connection: NativeConnection;
}

/**
 * Opens the backends and the way to machines, and makes sure that there are sweeps.
 * @throws Failure SECRET_UNAVAILABLE, INVALID_INPUT for settings that do not fit.
 */
export async function openFleet({ settings, fleet, store, connection }: FleetParts): Promise<WorkerFleet> {
  const { namespace } = settings.temporal;
  const secrets = new DerivedSecrets(await readSecretFile(fleet.keyFile));
  const clouds = openClouds(settings, store);
  const { secretsDirectory } = settings;
  const networks = settings.networks.map(network);
  const hosts = new MachineHosts({
    store,
    secrets,
    secretsDirectory,
    networks,
    agentPort: fleet.agentPort,
    apiUrl: fleet.apiUrl,
  });
  const client = new Client({ connection, namespace });
  await ensureSweepSchedule(client, { policy: settings.policy, fleet: fleet.policy });
  const ports: FleetPorts = {
    ...{ store, clouds, secrets, hosts },
    installation: await store.fleet.installation(randomUUID()),
    backendFacts: backendFacts(settings, clouds),
    runningWorkflows: () => runningWorkflows(client),
  };
  return {
    ports,
    close: async () => void (await Promise.all([hosts.close(), ...[...clouds.values()].map((cloud) => cloud.close())])),
  };
}

async function runningWorkflows(client: Client): Promise<ReadonlySet<string>> {
  const types = [FleetWorkflow.gateway, FleetWorkflow.replica].map((type) => `'${type}'`).join(', ');
  const ids = new Set<string>();
  const query = `WorkflowType IN (${types}) AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of client.workflow.list({ query })) ids.add(workflowId);
  return ids;
}
