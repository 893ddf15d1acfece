import type { DeployOperation } from '../domain/deploy/request';
import type { ApplyEvent, ApplyOperation, ApplyRecord, Asked } from '../domain/rollout/apply';
import { readApplyOperation } from '../domain/rollout/apply-row';
import type { Decided, OperationNotes } from '../domain/rollout/decided';
import type { Override } from '../domain/rollout/gates';
import type { OperationMoveName } from '../domain/rollout/moves';
import { ApplyState, isSettled } from '../domain/rollout/states';
import { Failure } from '../domain/failures';
import { carryOut } from './apply-decisions';
import { enterApply } from './apply-entry';
import { applyEventsAfter } from './apply-events';
import { OpenApply, type Opening } from './apply-moves';
import { unreadable } from './apply-texts';
import { rawOperations, type RawOperation } from './apply-operation-rows';
import { applyOf } from './apply-rows';
import type { Applies, Moved, NewApply, NewApplyOperation, OperationKey } from './apply-store';
import type { Database } from './database';
import { StoredPlans } from './deploy-plans';
import type { Page, PageOf } from './deploy-store';
import { addOverride, overridesOf } from './gate-overrides';
import { Prisma } from './generated/sqlite/client';
import type { ApplyModel } from './generated/sqlite/models';
import { pageOf } from './pages';
import type { Statements } from './statements';
import { table } from './table';
import { onFreshReads } from './versioned';

const settled = Object.values(ApplyState).filter(isSettled);

/** What is known of an operation's workflow before something is noted of it. */
const before = {
  alive: ['claimed', 'lost'],
  lost: ['claimed', 'alive'],
  none: ['claimed', 'alive', 'lost'],
} as const;

/** How many events are given at once. */
const EVENTS = 500;

/** {@link Applies} in the database. */
export class StoredApplies implements Applies {
  private readonly plans: StoredPlans;

  constructor(private readonly database: Database) {
    this.plans = new StoredPlans(database);
  }

  async create(apply: NewApply, operations: readonly NewApplyOperation[]): Promise<ApplyRecord> {
    return applyOf(
      await this.database.together((statements) => enterApply(this.database, statements, apply, operations)),
    );
  }

  async get(organizationId: string, id: string): Promise<ApplyRecord | null> {
    const row = await this.database.direct((statements) =>
      table<ApplyModel>(statements, 'apply').findFirst({ where: { id, organizationId } }),
    );
    return row && applyOf(row);
  }

  async list(
    organizationId: string,
    databaseId: string,
    filter: PageOf & { readonly state?: string },
  ): Promise<Page<ApplyRecord>> {
    const where = [
      Prisma.sql`organization_id = ${organizationId} AND database_id = ${databaseId}`,
      filter.state === undefined ? undefined : Prisma.sql`state = ${filter.state}`,
    ];
    const listed = { from: Prisma.sql`apply`, where, order: Prisma.sql`number DESC` };
    return await this.database.direct((statements) => pageOf(statements, listed, filter, applyOf));
  }

  async rows(organizationId: string, applyId: string): Promise<readonly unknown[]> {
    if (!(await this.get(organizationId, applyId))) return [];
    return await this.database.direct((statements) => rawOperations(this.database, statements, applyId));
  }

  async tasks(organizationId: string, applyId: string): Promise<DeployOperation[]> {
    return await this.plans.ofApply(organizationId, applyId);
  }

  async operation(organizationId: string, operationId: string): Promise<ApplyOperation> {
    const row = await this.database.direct((statements) =>
      table<RawOperation>(statements, 'applyOperation').findFirst({ where: { id: operationId, organizationId } }),
    );
    if (!row) throw new Failure('NOT_FOUND', 'there is no such operation of an apply');
    return readable(row);
  }

  async move(
    key: OperationKey,
    moves: OperationMoveName | readonly OperationMoveName[],
    notes: OperationNotes = {},
  ): Promise<Moved> {
    return await this.opened(brief(key.organizationId, { ofOperation: key.operationId }), async (open) => {
      const row = await open.ownRow(key);
      for (const move of [moves].flat()) await open.move(row, move, notes, 'workflow');
      return { apply: applyOf(await open.end()), operation: readable(row) };
    });
  }

  async note(key: OperationKey, notes: OperationNotes): Promise<void> {
    const noted = await this.change(key, notes);
    if (noted) return;
    const row = await this.operation(key.organizationId, key.operationId);
    if (row.epoch === key.epoch) return;
    const { state, epoch } = row;
    throw new Failure('STATE_CONFLICT', `another workflow has gone on with the operation (epoch ${epoch})`, {
      data: { state, epoch },
    });
  }

  async mark(key: OperationKey, worker: 'alive' | 'none' | 'lost'): Promise<void> {
    const { organizationId, operationId, epoch } = key;
    // A word that comes late says nothing of one that has ended.
    await this.database.direct((statements) =>
      statements.change(Prisma.sql`
        UPDATE apply_operation
        SET worker = ${worker}, updated_at = ${new Date()}, resource_version = resource_version + 1
        WHERE id = ${operationId} AND organization_id = ${organizationId} AND epoch = ${epoch}
          AND worker IN (${Prisma.join(before[worker])})`),
    );
  }

  /** Writes of an operation what nothing else follows from, where the epoch is its own. @returns whether it is. */
  private async change({ organizationId, operationId: id, epoch }: OperationKey, change: object): Promise<boolean> {
    const data = { ...change, updatedAt: new Date(), resourceVersion: { increment: 1 } };
    const changed = await this.database.direct((statements) =>
      table(statements, 'applyOperation').updateManyAndReturn({ where: { id, organizationId, epoch }, data }),
    );
    return changed.length > 0;
  }

  async decide<T extends Decided>(
    organizationId: string,
    applyId: string,
    decide: (apply: ApplyRecord, rows: readonly unknown[], overrides: readonly Override[]) => T,
  ): Promise<{ readonly decided: T; readonly claimed: readonly OperationKey[]; readonly apply: ApplyRecord }> {
    return await this.opened({ organizationId, applyId, all: true }, async (open, statements) => {
      const overrides = await overridesOf(statements, organizationId, applyId);
      const decided = decide(applyOf(open.row), open.operations, overrides);
      const claimed = await carryOut(open, decided);
      return { decided, claimed, apply: applyOf(await open.end()) };
    });
  }

  async ask(organizationId: string, applyId: string, asked: Partial<Asked>): Promise<ApplyRecord> {
    return await this.opened(brief(organizationId, applyId), async (open) => {
      open.ask(asked);
      return applyOf(await open.end());
    });
  }

  async release(organizationId: string, applyId: string): Promise<number> {
    return await this.opened({ organizationId, applyId, all: true }, async (open) => {
      const held = open.operations.filter(
        ({ state, onFailure, released }) => state === 'failed' && onFailure === 'pause' && released !== true,
      );
      for (const row of held) await open.write(row, { released: true });
      if (held.length > 0) open.say(`${held.length} failed, and those behind go on all the same`);
      await open.end();
      return held.length;
    });
  }

  async retry(organizationId: string, applyId: string, operationId?: string): Promise<number> {
    return await this.opened({ organizationId, applyId, all: true }, async (open) => {
      const failed = open.operations.filter(
        ({ id, state }) => state === 'failed_retryable' && (operationId === undefined || id === operationId),
      );
      for (const row of failed) await open.write(row, { attempts: 0, firstFailedAt: null });
      if (failed.length > 0) open.say(`${failed.length} that failed for now are tried as if for the first time`);
      await open.end();
      return failed.length;
    });
  }

  async recompute(organizationId: string, applyId: string): Promise<ApplyRecord> {
    return await this.opened(brief(organizationId, applyId), async (open) => applyOf(await open.end()));
  }

  async unfinished(): Promise<ApplyRecord[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<ApplyModel>(Prisma.sql`
        SELECT * FROM apply WHERE state NOT IN (${Prisma.join(settled)}) ORDER BY created_at, id`),
    );
    return rows.map(applyOf);
  }

  async events(organizationId: string, after: number, applyId?: string, limit = EVENTS): Promise<ApplyEvent[]> {
    const of = applyId === undefined ? { organizationId } : { organizationId, applyId };
    return await applyEventsAfter(this.database, of, after, limit);
  }

  async override(organizationId: string, applyId: string, override: Override): Promise<void> {
    await this.opened(brief(organizationId, applyId), async (open, statements) => {
      if (await addOverride(statements, open.row, override))
        open.say(`${override.by} opened environment ${override.environment}: ${override.reason}`);
      await open.end();
    });
  }

  async overrides(organizationId: string, applyId: string): Promise<Override[]> {
    return await this.database.direct((statements) => overridesOf(statements, organizationId, applyId));
  }

  /** Does something with an apply that nobody else changes meanwhile, all of it or nothing; again on fresh reads where it was overtaken. */
  private async opened<T>(
    opening: Opening,
    action: (open: OpenApply, statements: Statements) => Promise<T>,
  ): Promise<T> {
    return await onFreshReads(() =>
      this.database.together(async (statements) =>
        action(await OpenApply.of(this.database, statements, opening), statements),
      ),
    );
  }
}

function brief(organizationId: string, applyId: Opening['applyId']): Opening {
  return { organizationId, applyId, all: false };
}

/** @throws Failure CONFLICT, retryable, for a row that holds what it should not */
function readable(row: RawOperation): ApplyOperation {
  const operation = readApplyOperation(row, String(row.applyId));
  if (typeof operation === 'string') throw unreadable(String(row.id), operation);
  return operation;
}
