import { randomUUID } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import { mergeSchemas } from '../../domain/deploy/three-way';
import type { StorageNeed } from '../../domain/deploy/request';
import type { FailureView } from '../../domain/saga';
import type { Rename, SchemaChange } from '../../domain/schema/change';
import { bytesToCopy } from '../../domain/schema/lint';
import type { LintMessage } from '../../domain/schema/lint-codes';
import type { SchemaModel } from '../../domain/schema/model';
import { declaredRenames } from '../../domain/schema/renames';
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
  /** What somebody declared; the rest is never guessed. */
  readonly renames: readonly Rename[];
  /** Whether nobody else's change can be under way; before that, whatever has the tables is waited for in the queue. */
  readonly placed?: boolean;
}

/** What a comparison found. */
export interface Examined {
  /** Null where there is a conflict. */
  readonly change: PlannedChange | null;
  readonly lint: readonly LintMessage[];
  /** Why nothing can be planned: both have changed the same thing, or what somebody declared is not so. */
  readonly conflict: FailureView | null;
  readonly instantEligible: boolean;
  readonly storage: StorageNeed | null;
  /** What the branch was then. */
  readonly branch: SchemaModel;
}

/** Finds what a branch has changed since it began, and how that is made of its target as it is now. */
export async function examined(ports: DeployPorts, examination: Examination): Promise<Examined> {
  const { database, branch, into, id, instant, placed = false } = examination;
  const signal = cancellationSignal();
  const base = await ports.deploys.branches.base(branch.organizationId, branch.databaseId, branch.id);
  const [branchEngine, engine] = await Promise.all(
    [branch, into].map(async ({ schema }) => await ports.engine(database, schema)),
  );
  const own = await branchEngine!.introspect(signal);
  const began = base === null ? null : (JSON.parse(base) as SchemaModel);
  const target = await engine!.introspect(signal);
  const { merged, conflicts } = mergeSchemas({ base: began ?? target, branch: own, target });
  const { renames, problems } = declaredRenames(target, merged, examination.renames);
  const [code, messages] =
    conflicts.length > 0
      ? (['DEPLOY_CONFLICT', conflicts.map((conflict) => conflict.message)] as const)
      : (['SCHEMA_REFUSED', problems] as const);
  if (messages.length > 0) {
    const conflict = { code, message: messages.join('; ') };
    return { change: null, lint: [], conflict, instantEligible: false, storage: null, branch: own };
  }
  const difference = { from: target, to: merged, renames };
  const planned = await plannedAt(ports, { database, schema: into.schema, id, instant, placed }, difference);
  return { ...planned, conflict: null, branch: own };
}

/** Where a difference is planned. */
export interface PlanningAt extends Pick<Examination, 'database' | 'id' | 'instant' | 'placed'> {
  readonly schema: string;
}

/** Plans a difference in one place, and finds what speaks against it there. */
export async function plannedAt(
  ports: DeployPorts,
  at: PlanningAt,
  difference: SchemaChange,
): Promise<
  Pick<Examined, 'lint' | 'instantEligible'> & { readonly change: PlannedChange; readonly storage: StorageNeed }
> {
  const { database, schema, id, instant, placed = false } = at;
  const signal = cancellationSignal();
  const engine = await ports.engine(database, schema);
  const change = await engine.plan(id, difference, { instant }, signal);
  const quick = instant ? change : await engine.plan(id, difference, { instant: true }, signal);
  const storage = await storageNeed(ports, at, change);
  const policy = {
    allowForeignKeys: database.settings.allowForeignKeys,
    ...(storage.bytesFree !== null && { freeDiskBytes: storage.bytesFree }),
  };
  const found = change.operations.length > 0 ? await engine.lint(change, policy, signal) : [];
  const lint = placed ? found : found.filter(({ code }) => code !== 'CHANGE_IN_PROGRESS');
  return { change, lint, instantEligible: isInstant(quick), storage };
}

async function storageNeed(
  ports: DeployPorts,
  { database, schema }: PlanningAt,
  { operations }: PlannedChange,
): Promise<StorageNeed> {
  const copied = operations.filter(({ shadow }) => shadow !== null).map(({ name }) => name);
  const [size, bytesFree] = await Promise.all([
    copied.length > 0 ? (await ports.host(database)).sizeOf(schema, copied) : 0,
    ports.freeDisk(database),
  ]);
  return { bytesNeeded: bytesToCopy(size), bytesFree };
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
