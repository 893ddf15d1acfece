import type { BranchPassword } from '../domain/deploy/database';
import { Failure } from '../domain/failures';
import type { Database } from './database';
import { passwordOf } from './deploy-rows';
import type { BranchPasswords, Page, PageOf } from './deploy-store';
import { Prisma } from './generated/sqlite/client';
import type { BranchPasswordModel } from './generated/sqlite/models';
import { pageOf } from './pages';
import { forUpdate } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

/** {@link BranchPasswords} in the database. */
export class StoredBranchPasswords implements BranchPasswords {
  constructor(private readonly database: Database) {}

  async create(password: Omit<BranchPassword, 'createdAt' | 'deletedAt'>): Promise<BranchPassword> {
    const { id, branchId, databaseId, organizationId, name, role, username, createdBy, expiresAt } = password;
    return await this.database.together(async (statements) => {
      const branches = await statements.rows(Prisma.sql`
        SELECT id FROM branch_record WHERE id = ${branchId} AND database_id = ${databaseId}
          AND organization_id = ${organizationId} AND deleted_at IS NULL ${forUpdate(this.database)}`);
      if (branches.length === 0) throw new Failure('NOT_FOUND', 'there is no such branch');
      const same = await passwords(statements).findFirst({ where: { id, branchId } });
      if (same) return passwordOf(same);
      const row = await passwords(statements).create({
        data: {
          ...{ id, branchId, databaseId, organizationId, name, role, username, createdBy, expiresAt },
          createdAt: new Date(),
        },
      });
      return passwordOf(row);
    });
  }

  async get(organizationId: string, branchId: string, passwordId: string): Promise<BranchPassword | null> {
    const row = await this.database.direct((statements) =>
      passwords(statements).findFirst({ where: { id: passwordId, organizationId, branchId } }),
    );
    return row && passwordOf(row);
  }

  async list(organizationId: string, branchId: string, page: PageOf): Promise<Page<BranchPassword>> {
    const where = [
      Prisma.sql`organization_id = ${organizationId} AND branch_id = ${branchId} AND deleted_at IS NULL`,
    ] as const;
    const listed = { from: Prisma.sql`branch_password`, where, order: Prisma.sql`created_at DESC, id` };
    return await this.database.direct((statements) => pageOf(statements, listed, page, passwordOf));
  }

  async remove(organizationId: string, branchId: string, passwordId: string): Promise<void> {
    await this.database.direct((statements) =>
      passwords(statements).updateManyAndReturn({
        where: { id: passwordId, organizationId, branchId, deletedAt: null },
        data: { deletedAt: new Date() },
      }),
    );
  }

  async expired(now: Date): Promise<BranchPassword[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<BranchPasswordModel>(Prisma.sql`
        SELECT * FROM branch_password WHERE expires_at <= ${now} AND deleted_at IS NULL ORDER BY expires_at, id`),
    );
    return rows.map(passwordOf);
  }
}

function passwords(statements: Statements) {
  return table<BranchPasswordModel>(statements, 'branchPassword');
}
