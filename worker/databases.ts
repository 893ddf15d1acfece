import { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { DeployPorts, Queues } from '../activities/deploy/ports';
import type { DatabaseRecord } from '../domain/deploy/database';
import { DeployWorkflow, queueWorkflowId } from '../domain/deploy/contract';
import { taskQueue } from '../domain/gateway/contract';
import { LOOK_SIGNAL } from '../domain/rollout/contract';
import type { Settings } from '../domain/settings';
import type { SchemaEngine } from '../drivers/database/engine';
import type { SchemaHost } from '../drivers/database/host';
import type * as mysql from '../drivers/database/mysql/engine';
import type * as mysqlHost from '../drivers/database/mysql/host';
import type * as postgresql from '../drivers/database/postgresql/engine';
import type * as postgresqlHost from '../drivers/database/postgresql/host';
import { freeBytesAt } from '../drivers/database/disk';
import { readSecret } from '../drivers/secrets/files';
import type { Store } from '../prisma/store';
import { onceAtATime } from './once-at-a-time';

/** What of a process the steps of databases need. */
interface DatabasesParts {
  readonly settings: Settings;
  readonly store: Store;
  readonly connection: NativeConnection;
}

/** What the steps of databases and deploy requests act on, as the settings of a process describe it. */
export function deployPorts({ settings, store, connection }: DatabasesParts): DeployPorts {
  return {
    deploys: store.deploys,
    rollouts: store.rollouts,
    engine: async ({ kind, server }, schema) =>
      openEngine(kind, await readSecret(settings.secretsDirectory, server), schema),
    host: async ({ kind, server }) => openHost(kind, await readSecret(settings.secretsDirectory, server)),
    freeDisk: async ({ kind, server }) => {
      const known = settings.databases?.servers.find((each) => each.secret === server && each.kind === kind);
      return known?.directory === undefined ? null : await freeBytesAt(known.directory);
    },
    queues: queues(new Client({ connection, namespace: settings.temporal.namespace })),
  };
}

/** The engine for a schema of a server. Its drivers are loaded where they are used. */
function openEngine(kind: DatabaseRecord['kind'], url: string, schema: string): SchemaEngine {
  if (kind === 'mysql') {
    const { MySqlEngine } = require('../drivers/database/mysql/engine') as typeof mysql;
    return new MySqlEngine({ url: inSchema(url, schema) });
  }
  const { PostgresEngine } = require('../drivers/database/postgresql/engine') as typeof postgresql;
  return new PostgresEngine({ url, schema });
}

function openHost(kind: DatabaseRecord['kind'], url: string): SchemaHost {
  if (kind === 'mysql') {
    const { MySqlHost } = require('../drivers/database/mysql/host') as typeof mysqlHost;
    return new MySqlHost(url);
  }
  const { PostgresHost } = require('../drivers/database/postgresql/host') as typeof postgresqlHost;
  return new PostgresHost(url);
}

/** The URL of a MariaDB or MySQL server with a schema of it. */
function inSchema(server: string, schema: string): string {
  const url = new URL(server);
  url.pathname = `/${encodeURIComponent(schema)}`;
  return url.toString();
}

/** Milliseconds after which a request says what its deployments do, where nothing else has it look before. */
const SOON_MS = 250;

function queues({ workflow }: Client): Queues {
  const soon = new Map<string, NodeJS.Timeout>();
  const look = onceAtATime(async (workflowId) => {
    try {
      await workflow.getHandle(workflowId).signal(LOOK_SIGNAL);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  });
  return {
    async tell(queue, message, ticket) {
      await workflow.signalWithStart(DeployWorkflow.queue, {
        ...{ workflowId: queueWorkflowId(queue), taskQueue, args: [queue], signal: message, signalArgs: [ticket] },
        // A worker that dies with a task is noticed then.
        workflowTaskTimeout: '4s',
      });
    },

    look: async (workflowId) => {
      clearTimeout(soon.get(workflowId));
      soon.delete(workflowId);
      await look(workflowId);
    },

    lookSoon(workflowId) {
      if (soon.has(workflowId)) return;
      const due = (): void => {
        soon.delete(workflowId);
        look(workflowId).catch(() => undefined);
      };
      soon.set(workflowId, setTimeout(due, SOON_MS).unref());
    },

    async isRunning(workflowId) {
      try {
        return (await workflow.getHandle(workflowId).describe()).status.name === 'RUNNING';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
  };
}
