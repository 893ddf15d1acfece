import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';

/**
 * At the end of a SELECT, keeps its rows as they are until the transaction ends. SQLite has one writer at a time anyway.
 * @param database that the statement is for.
 * @param skip whether rows that others keep are passed over instead of waited for.
 */
export function forUpdate({ isPostgres }: Database, skip = false): Prisma.Sql {
  if (!isPostgres) return Prisma.empty;
  return skip ? Prisma.sql`FOR UPDATE SKIP LOCKED` : Prisma.sql`FOR UPDATE`;
}
