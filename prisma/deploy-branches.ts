import { ResourceState, type BranchRecord } from '../domain/deploy/database';
import { DatabaseEvent } from '../domain/deploy/webhook-event';
import { Failure } from '../domain/failures';
import type { Database } from './database';
import { announce } from './database-events';
import { branchOf } from './deploy-rows';
import type { Branches, NewBranch, Page, PageOf } from './deploy-store';
import { Prisma } from './generated/sqlite/client';
import type { BranchBaseModel, BranchRecordModel } from './generated/sqlite/models';
import { named, pageOf } from './pages';
import { forUpdate, lockDatabase } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';
import { Versioned } from './versioned';

/** How a branch is found: never by its id alone. */
interface BranchKey {
  readonly id: string;
  readonly databaseId: string;
  readonly organizationId: string;
}

/** {@link Branches} in the database. */
export class StoredBranches implements Branches {
  private readonly rows: Versioned<BranchRecordModel, BranchKey>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, {
      model: 'branchRecord',
      what: 'branch',
      identity: ['id', 'organizationId', 'databaseId', 'name'],
    });
  }

  async create(organizationId: string, databaseId: string, branch: NewBranch): Promise<BranchRecord> {
    return await this.database.together(async (statements) => {
      if (!(await lockDatabase(this.database, statements, { organizationId, databaseId })))
        throw new Failure('NOT_FOUND', 'there is no such database');
      const same = await this.rows.find({ id: branch.id, organizationId, databaseId }, statements);
      return branchOf(same ?? (await enterBranch(statements, { organizationId, databaseId }, branch)));
    });
  }

  async get(organizationId: string, databaseId: string, branchId: string): Promise<BranchRecord | null> {
    const row = await this.rows.find({ id: branchId, organizationId, databaseId });
    return row && branchOf(row);
  }

  async named(organizationId: string, databaseId: string, name: string): Promise<BranchRecord | null> {
    const row = await this.database.direct((statements) =>
      branches(statements).findFirst({ where: { organizationId, databaseId, liveName: name } }),
    );
    return row && branchOf(row);
  }

  async list(
    organizationId: string,
    databaseId: string,
    page: PageOf & { readonly q?: string; readonly production?: boolean; readonly safeMigrations?: boolean },
  ): Promise<Page<BranchRecord>> {
    const { q, production, safeMigrations } = page;
    const where = [
      Prisma.sql`organization_id = ${organizationId} AND database_id = ${databaseId} AND live_name IS NOT NULL`,
      named(q),
      production === undefined ? undefined : Prisma.sql`production = ${production}`,
      safeMigrations === undefined ? undefined : Prisma.sql`safe_migrations = ${safeMigrations}`,
    ];
    const listed = { from: Prisma.sql`branch_record`, where, order: Prisma.sql`created_at, id` };
    return await this.database.direct((statements) => pageOf(statements, listed, page, branchOf));
  }

  async update(
    organizationId: string,
    databaseId: string,
    branchId: string,
    change: Partial<Pick<BranchRecord, 'state' | 'production' | 'safeMigrations' | 'schemaChangedAt'>>,
    version?: number,
  ): Promise<BranchRecord> {
    const key = { id: branchId, organizationId, databaseId };
    const branch = branchOf(await this.rows.update(key, () => ({ ...change, updatedAt: new Date() }), version));
    if (change.state === ResourceState.ready) await this.tellReady(branch);
    return branch;
  }

  /** Tells webhooks that a branch is ready: at least once, as whoever makes it repeats the change that was not answered. */
  private async tellReady(branch: BranchRecord): Promise<void> {
    const { id, name, parent, production, createdAt } = branch;
    const resource = { id, type: 'Branch', name, parent_branch: parent, production, created_at: createdAt };
    await this.database.together((statements) => announce(statements, branch, DatabaseEvent.branchReady, resource));
  }

  async remove(organizationId: string, databaseId: string, branchId: string, by: string): Promise<void> {
    const now = new Date();
    await this.database.together(async (statements) => {
      const removed = await branches(statements).updateManyAndReturn({
        where: { id: branchId, organizationId, databaseId, deletedAt: null },
        data: {
          ...{ liveName: null, deletedAt: now, deletedBy: by, updatedAt: now },
          resourceVersion: { increment: 1 },
        },
      });
      if (removed.length === 0) return;
      // An account of a schema that is gone opens nothing.
      await table(statements, 'branchPassword').updateManyAndReturn({
        where: { branchId, deletedAt: null },
        data: { deletedAt: now },
      });
    });
  }

  async base(organizationId: string, databaseId: string, branchId: string): Promise<string | null> {
    const [row] = await this.database.direct((statements) =>
      statements.rows<BranchBaseModel>(Prisma.sql`
        SELECT branch_base.* FROM branch_base JOIN branch_record ON branch_record.id = branch_id
        WHERE branch_id = ${branchId} AND branch_record.database_id = ${databaseId}
          AND organization_id = ${organizationId}`),
    );
    return row?.model ?? null;
  }

  async setBase(organizationId: string, databaseId: string, branchId: string, model: string): Promise<void> {
    await this.database.direct(async (statements) => {
      const written = await statements.change(Prisma.sql`
        INSERT INTO branch_base (branch_id, database_id, model)
        SELECT id, database_id, ${model} FROM branch_record
        WHERE id = ${branchId} AND database_id = ${databaseId} AND organization_id = ${organizationId}
        ${forUpdate(this.database)}
        ON CONFLICT (branch_id) DO UPDATE SET model = excluded.model`);
      if (written === 0) throw new Failure('NOT_FOUND', 'there is no such branch');
    });
  }

  async unfinished(): Promise<BranchRecord[]> {
    const { pending, deleting } = ResourceState;
    const rows = await this.database.direct((statements) =>
      statements.rows<BranchRecordModel>(Prisma.sql`
        SELECT * FROM branch_record
        WHERE state IN (${pending}, ${deleting}) AND deleted_at IS NULL AND parent IS NOT NULL ORDER BY created_at, id`),
    );
    return rows.map(branchOf);
  }
}

/** Enters a branch as `pending`. @throws Failure CONFLICT (data: reason 'UniqueViolation') for a taken name. */
export async function enterBranch(
  statements: Statements,
  { organizationId, databaseId }: { readonly organizationId: string; readonly databaseId: string },
  branch: NewBranch,
): Promise<BranchRecordModel> {
  const { id, name, parent, schema, adopted, production, safeMigrations, createdBy } = branch;
  const now = new Date();
  return await branches(statements).create({
    data: {
      ...{ id, organizationId, databaseId, name, liveName: name, parent, schema, adopted, production, safeMigrations },
      ...{ state: ResourceState.pending, createdBy, createdAt: now, updatedAt: now, resourceVersion: 1 },
    },
  });
}

function branches(statements: Statements) {
  return table<BranchRecordModel>(statements, 'branchRecord');
}
