import type { DatabaseRecord } from '../../domain/deploy/database';
import type { QueueLife, QueueTicket } from '../../domain/deploy/contract';
import type { SchemaEngine } from '../../drivers/database/engine';
import type { SchemaHost } from '../../drivers/database/host';
import type { RolloutStore } from '../../prisma/apply-store';
import type { Deploys } from '../../prisma/deploy-store';

/** What the steps of databases and deploy requests act on. */
export interface DeployPorts {
  readonly deploys: Deploys;
  /** What is kept of deploys over several deployments. */
  readonly rollouts: RolloutStore;
  /** The engine for one schema of a database's server. @throws Failure SECRET_UNAVAILABLE */
  engine(database: Pick<DatabaseRecord, 'kind' | 'server'>, schema: string): Promise<SchemaEngine>;
  /** The server of a database. @throws Failure SECRET_UNAVAILABLE */
  host(database: Pick<DatabaseRecord, 'kind' | 'server'>): Promise<SchemaHost>;
  /** Bytes that are free on the disk of a database's server; null where nobody here knows. */
  freeDisk(database: Pick<DatabaseRecord, 'kind' | 'server'>): Promise<number | null>;
  readonly queues: Queues;
}

/** The queues of target branches, which are workflows. */
export interface Queues {
  /** Says something to a queue, which is begun where there is none. */
  tell(queue: QueueLife, message: 'join' | 'leave', ticket: QueueTicket): Promise<void>;
  /**
   * Has the workflow of a request look at what comes next in its apply; where it is not there, it looks when it begins. Said
   * again before it was heard, it is said once.
   */
  look(workflowId: string): Promise<void>;
  /** The same in a moment, unless it looks before that: nothing waits for it but people who look at the request. */
  lookSoon(workflowId: string): void;
  /** Whether a workflow runs. */
  isRunning(workflowId: string): Promise<boolean>;
}
