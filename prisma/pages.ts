import type { Page, PageOf } from './deploy-store';
import { Prisma } from './generated/sqlite/client';
import type { Statements } from './statements';

/** Rows of one table that are shown a page at a time. */
interface Listed {
  readonly from: Prisma.Sql;
  /** Those that are not wanted are undefined; all others must hold. */
  readonly where: readonly (Prisma.Sql | undefined)[];
  /** Ends in something unique, so that no row is on two pages. */
  readonly order: Prisma.Sql;
}

/** One page of rows with the number of all of them; where rows come or go meanwhile, the number is that of before. */
export async function pageOf<Row, T>(
  statements: Statements,
  { from, where, order }: Listed,
  { page, perPage }: PageOf,
  item: (row: Row) => T,
): Promise<Page<T>> {
  const given = where.filter((condition) => condition !== undefined);
  const condition = given.length === 0 ? Prisma.sql`TRUE` : Prisma.join(given, ' AND ');
  const [counted] = await statements.rows<{ total: bigint | number }>(
    Prisma.sql`SELECT COUNT(*) AS total FROM ${from} WHERE ${condition}`,
  );
  const rows = await statements.rows<Row>(Prisma.sql`
    SELECT * FROM ${from} WHERE ${condition} ORDER BY ${order} LIMIT ${perPage} OFFSET ${(page - 1) * perPage}`);
  return { items: rows.map(item), total: Number(counted!.total) };
}

/** Whether a name has a part, whatever the case of its letters; undefined where none is asked for. */
export function named(part: string | undefined): Prisma.Sql | undefined {
  if (!part) return undefined;
  const pattern = `%${part.toLowerCase().replace(/[!%_]/g, '!$&')}%`;
  return Prisma.sql`LOWER(name) LIKE ${pattern} ESCAPE '!'`;
}
