import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { Statements } from './statements';

/**
 * At the end of a SELECT, keeps its rows as they are until the transaction ends. SQLite has one writer at a time anyway.
 * @param database that the statement is for.
 * @param skip whether rows that others keep are passed over instead of waited for.
 */
export function forUpdate({ isPostgres }: Database, skip = false): Prisma.Sql {
  if (!isPostgres) return Prisma.empty;
  return skip ? Prisma.sql`FOR UPDATE SKIP LOCKED` : Prisma.sql`FOR UPDATE`;
}

/**
 * Keeps a database as it is until the transaction ends: whoever enters something that belongs to it, or removes it, comes
 * one after the other. @returns whether there is such a database.
 */
export async function lockDatabase(
  database: Database,
  statements: Statements,
  { organizationId, databaseId }: { readonly organizationId: string; readonly databaseId: string },
): Promise<boolean> {
  const rows = await statements.rows(Prisma.sql`
    SELECT id FROM database_record WHERE id = ${databaseId} AND organization_id = ${organizationId} ${forUpdate(database)}`);
  return rows.length > 0;
}
