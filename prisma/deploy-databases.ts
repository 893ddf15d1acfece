import { ResourceState, type DatabaseRecord } from '../domain/deploy/database';
import { isFailure } from '../domain/failures';
import type { Database } from './database';
import { enterBranch } from './deploy-branches';
import { databaseOf, settingsOf } from './deploy-rows';
import type { DatabaseChange, Databases, NewDatabase, Page, PageOf } from './deploy-store';
import { Prisma } from './generated/sqlite/client';
import type { DatabaseRecordModel } from './generated/sqlite/models';
import { named, pageOf } from './pages';
import { lockDatabase } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';
import { Versioned } from './versioned';

/** How a database is found: never by its id alone. */
interface DatabaseKey {
  readonly id: string;
  readonly organizationId: string;
}

/**
 * Everything that belongs to a database, by tables with its id. Branches and requests come first: whoever enters something
 * that belongs to one keeps it as it is meanwhile, so that nothing is entered once it is gone.
 */
const BELONGINGS = [
  'branchRecord',
  'branchPassword',
  'branchBase',
  'deployRequest',
  'apply',
  'applyOperation',
  'deployReview',
  'deployOperation',
  'deployPlan',
  'applyEvent',
  'gateOverride',
  'schemaLock',
  'deployment',
  'webhook',
] as const;

/** {@link Databases} in the database. */
export class StoredDatabases implements Databases {
  private readonly rows: Versioned<DatabaseRecordModel, DatabaseKey>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, {
      model: 'databaseRecord',
      what: 'database',
      identity: ['id', 'organizationId'],
    });
  }

  async create(input: NewDatabase): Promise<DatabaseRecord> {
    const key = { id: input.id, organizationId: input.organizationId };
    const same = await this.rows.find(key);
    if (same) return databaseOf(same);
    try {
      return databaseOf(await this.database.together((statements) => this.enter(statements, input)));
    } catch (error) {
      // The same call may have been faster.
      const row = isFailure(error) && error.code === 'CONFLICT' ? await this.rows.find(key) : null;
      if (!row) throw error;
      return databaseOf(row);
    }
  }

  private async enter(statements: Statements, { branch, ...given }: NewDatabase): Promise<DatabaseRecordModel> {
    const now = new Date();
    const { id, organizationId, name, kind, server, settings, notes } = given;
    const row = await this.rows.putIf(
      { id, organizationId },
      'MustCreate',
      {
        ...{ name, kind, server, notes, settings: JSON.stringify(settings) },
        ...{ state: ResourceState.pending, defaultBranch: branch.name, createdAt: now, updatedAt: now },
      },
      statements,
    );
    await enterBranch(statements, { organizationId, databaseId: id }, branch);
    return row;
  }

  async get(organizationId: string, databaseId: string): Promise<DatabaseRecord | null> {
    const row = await this.rows.find({ id: databaseId, organizationId });
    return row && databaseOf(row);
  }

  async named(organizationId: string, name: string): Promise<DatabaseRecord | null> {
    const row = await this.database.direct((statements) =>
      table<DatabaseRecordModel>(statements, 'databaseRecord').findFirst({ where: { organizationId, name } }),
    );
    return row && databaseOf(row);
  }

  async list(organizationId: string, page: PageOf & { readonly q?: string }): Promise<Page<DatabaseRecord>> {
    const where = [Prisma.sql`organization_id = ${organizationId}`, named(page.q)];
    const listed = { from: Prisma.sql`database_record`, where, order: Prisma.sql`name` };
    return await this.database.direct((statements) => pageOf(statements, listed, page, databaseOf));
  }

  async update(
    organizationId: string,
    databaseId: string,
    { settings, ...plain }: DatabaseChange,
    version?: number,
  ): Promise<DatabaseRecord> {
    const changed = (row: DatabaseRecordModel): Partial<DatabaseRecordModel> => ({
      ...plain,
      ...(settings && { settings: JSON.stringify({ ...settingsOf(row.settings), ...settings }) }),
      updatedAt: new Date(),
    });
    return databaseOf(await this.rows.update({ id: databaseId, organizationId }, changed, version));
  }

  async remove(organizationId: string, databaseId: string): Promise<void> {
    await this.database.together(async (statements) => {
      if (!(await lockDatabase(this.database, statements, { organizationId, databaseId }))) return;
      await statements.change(Prisma.sql`
        DELETE FROM webhook_delivery WHERE webhook_id IN (SELECT id FROM webhook WHERE database_id = ${databaseId})`);
      for (const model of BELONGINGS) await table(statements, model).deleteMany({ where: { databaseId } });
      await this.rows.deleteIf({ id: databaseId, organizationId }, 'Unconditional', statements);
    });
  }

  async organizations(): Promise<string[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<{ organizationId: string }>(
        Prisma.sql`SELECT DISTINCT organization_id FROM database_record ORDER BY organization_id`,
      ),
    );
    return rows.map(({ organizationId }) => organizationId);
  }

  async unfinished(): Promise<DatabaseRecord[]> {
    const { pending, deleting } = ResourceState;
    const rows = await this.database.direct((statements) =>
      statements.rows<DatabaseRecordModel>(Prisma.sql`
        SELECT * FROM database_record WHERE state IN (${pending}, ${deleting}) ORDER BY created_at, id`),
    );
    return rows.map(databaseOf);
  }
}
