import { createHash } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import type { DatabaseRecord } from '../../domain/deploy/database';
import type { StorageNeed } from '../../domain/deploy/request';
import type { DeploymentRecord } from '../../domain/rollout/apply';
import type { FailureView } from '../../domain/saga';
import { diff } from '../../domain/schema/diff';
import type { LintMessage } from '../../domain/schema/lint-codes';
import type { SchemaModel } from '../../domain/schema/model';
import type { PlannedChange } from '../../domain/schema/plan';
import { writer } from '../database/shape';
import { plannedAt } from './examine';
import type { DeployPorts } from './ports';

/** How many deployments are looked at at once. */
const AT_ONCE = 4;

/** How many differences are named. */
const NAMED = 5;

/** What is planned for several deployments. */
export interface Everywhere {
  readonly database: DatabaseRecord;
  readonly deployments: readonly DeploymentRecord[];
  /** The schema of the default branch. */
  readonly schema: string;
  /** What was planned there. */
  readonly change: PlannedChange;
  readonly requestId: string;
  readonly instant: boolean;
  readonly placed: boolean;
}

/** What was found at one deployment. */
export interface FoundAt {
  readonly deployment: DeploymentRecord;
  /** By the id of the operation. */
  readonly change: PlannedChange;
  readonly lint: readonly LintMessage[];
  readonly instantEligible: boolean;
  /** Null where it was looked at before, or not at all. */
  readonly storage: StorageNeed | null;
  /** How its schema differs from that of the first. */
  readonly drift: FailureView | null;
}

/** The id of a deployment's operation: the same whenever it is asked for, so that nothing is entered twice. */
export function operationIdOf(requestId: string, deploymentId: string): string {
  const hex = createHash('sha256').update(`${requestId} ${deploymentId}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** Looks at every deployment: whether its schema is that of the first, and what speaks against the change there. */
export async function foundEverywhere(ports: DeployPorts, everywhere: Everywhere): Promise<readonly FoundAt[]> {
  const found: FoundAt[] = [];
  const { deployments } = everywhere;
  for (let start = 0; start < deployments.length; start += AT_ONCE) {
    const some = deployments.slice(start, start + AT_ONCE);
    found.push(...(await Promise.all(some.map((deployment) => foundAt(ports, everywhere, deployment)))));
  }
  return found;
}

async function foundAt(
  ports: DeployPorts,
  { database, schema, change, requestId, instant, placed }: Everywhere,
  deployment: DeploymentRecord,
): Promise<FoundAt> {
  const id = operationIdOf(requestId, deployment.id);
  const isFirst = deployment.server === database.server && deployment.schema === schema;
  // It was looked at for the request itself.
  if (isFirst)
    return { deployment, change: { ...change, id }, lint: [], instantEligible: true, storage: null, drift: null };
  const there = { ...database, server: deployment.server };
  const from = await (await ports.engine(there, deployment.schema)).introspect(cancellationSignal());
  const drift = driftOf(deployment, change.from, from);
  if (drift) return { deployment, change: { ...change, id }, lint: [], instantEligible: false, storage: null, drift };
  const { to, renames } = change;
  const at = { database: there, schema: deployment.schema, id, instant, placed };
  const planned = await plannedAt(ports, at, { from, to, renames });
  return { deployment, ...planned, drift: null };
}

function driftOf({ name }: DeploymentRecord, first: SchemaModel, there: SchemaModel): FailureView | null {
  const differences = diff({ from: first, to: there, renames: [] }, writer(first));
  if (differences.length === 0) return null;
  const named = differences.slice(0, NAMED).map(({ kind, object, name: what }) => `${kind} ${object} ${what}`);
  const more = differences.length > NAMED ? ` and ${differences.length - NAMED} more` : '';
  const message = `deployment ${name} does not have the schema of the first: it is that with ${named.join(', ')}${more}`;
  return { code: 'DEPLOYMENT_DRIFTED', message };
}

/** The messages about all deployments: what is said of the first is not said again of the others. */
export function lintEverywhere(first: readonly LintMessage[], found: readonly FoundAt[]): readonly LintMessage[] {
  const keyOf = ({ code, table, column, subject }: LintMessage): string =>
    JSON.stringify([code, table, column, subject]);
  const said = new Set(first.map(keyOf));
  const others = found.flatMap(({ deployment, lint }) =>
    lint
      .filter((message) => !said.has(keyOf(message)))
      .map((message) => ({ ...message, message: `deployment ${deployment.name}: ${message.message}` })),
  );
  return [...first, ...others];
}
