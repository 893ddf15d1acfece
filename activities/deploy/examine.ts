import { randomUUID } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import { mergeSchemas } from '../../domain/deploy/three-way';
import type { FailureView } from '../../domain/saga';
import type { LintMessage } from '../../domain/schema/lint-codes';
import type { SchemaModel } from '../../domain/schema/model';
import { Way, type PlannedChange, type PlannedOperation } from '../../domain/schema/plan';
import type { NewOperation } from '../../prisma/deploy-store';
import type { DeployPorts } from './ports';

/** What is compared. */
export interface Examination {
  readonly database: DatabaseRecord;
  readonly branch: BranchRecord;
  readonly into: BranchRecord;
  /** What everything that the change makes is known by. */
  readonly id: string;
  readonly instant: boolean;
  /** Whether nobody else's change can be under way; before that, whatever has the tables is waited for in the queue. */
  readonly placed?: boolean;
  /** Whether the branch is compared with what it began with, and not with its target. */
  readonly sinceBase?: boolean;
}

/** What a comparison found. */
export interface Examined {
  /** Null where branch and target have changed the same thing. */
  readonly change: PlannedChange | null;
  readonly lint: readonly LintMessage[];
  readonly conflict: FailureView | null;
  readonly instantEligible: boolean;
  /** What the branch was then. */
  readonly branch: SchemaModel;
}

/** Finds what a branch has changed since it began, and how that is made of its target as it is now. */
export async function examined(ports: DeployPorts, examination: Examination): Promise<Examined> {
  const { database, branch, into, id, instant, placed = false, sinceBase = false } = examination;
  const signal = cancellationSignal();
  const base = await ports.deploys.branches.base(branch.organizationId, branch.databaseId, branch.id);
  const [branchEngine, engine] = await Promise.all(
    [branch, into].map(async ({ schema }) => await ports.engine(database, schema)),
  );
  const own = await branchEngine!.introspect(signal);
  const began = base === null ? null : (JSON.parse(base) as SchemaModel);
  const target = sinceBase ? (began ?? own) : await engine!.introspect(signal);
  const { merged, conflicts } = mergeSchemas({ base: began ?? target, branch: own, target });
  if (conflicts.length > 0) {
    const message = conflicts.map((conflict) => conflict.message).join('; ');
    return {
      change: null,
      lint: [],
      conflict: { code: 'DEPLOY_CONFLICT', message },
      instantEligible: false,
      branch: own,
    };
  }
  const difference = { from: target, to: merged, renames: [] };
  const change = await engine!.plan(id, difference, { instant }, signal);
  const quick = instant ? change : await engine!.plan(id, difference, { instant: true }, signal);
  const { allowForeignKeys } = database.settings;
  const found = change.operations.length > 0 ? await engine!.lint(change, { allowForeignKeys }, signal) : [];
  const lint = placed ? found : found.filter(({ code }) => code !== 'CHANGE_IN_PROGRESS');
  return { change, lint, conflict: null, instantEligible: isInstant(quick), branch: own };
}

/** Whether every alteration of a table only touches the catalog, and there is one. */
function isInstant({ operations }: PlannedChange): boolean {
  const altered = operations.filter(({ object, kind }) => object === 'table' && kind === 'ALTER');
  return altered.length > 0 && altered.every(({ way }) => way === Way.instant);
}

/** An operation as it is kept and shown. */
export function newOperation({ kind, name, ddl, way, because, flags }: PlannedOperation): NewOperation {
  const statements = [...ddl.first, ...ddl.main, ...ddl.last];
  return {
    ...{ id: randomUUID(), kind, table: name, way, because },
    ddl: statements.map((statement) => `${statement};`).join('\n'),
    canDropData: flags.some((flag) => flag.kind === 'drops_data'),
    recentlyUsedAt: null,
  };
}
