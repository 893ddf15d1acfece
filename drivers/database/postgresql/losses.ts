import { tableOf } from '../../../domain/schema/model';
import { Way, type PlannedChange } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import { compareTables, type TableChange } from '../../../domain/schema/table-change';
import type { Loss } from '../engine';
import { refusedRows } from './batch';
import { exchangeOf } from './members';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import { implied, keyColumns, keyParts, of } from './sql';

/** What a revert would lose now: values that only the new side has, and rows that the old side does not take. */
export async function lossesOf(
  session: Session,
  change: PlannedChange,
  shadows: readonly ShadowTables[],
): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  for (const shadow of shadows) {
    losses.push(...(await addedColumns(session, shadow)), ...(await impliedValues(session, shadow)));
    const refused = await refusedRows(session, shadow.back);
    const [first] = refused;
    if (first)
      losses.push({
        ...{ table: shadow.table, column: null, rows: refused.length, example: first.key },
        message: `${refused.length} rows of ${shadow.table} do not fit the old table: ${first.message}`,
      });
  }
  for (const { table, shadow } of exchangeOf(change, shadows, 'back').leaving) {
    if (shadow !== null) continue;
    const [row] = await session.query(`SELECT count(*)::int AS n FROM ${name(table.name)}`);
    const rows = Number(row!.n);
    if (rows > 0)
      losses.push({
        ...{ table: table.name, column: null, rows, example: null },
        message: `${rows} rows of the new table ${table.name} would be put aside, and gone once the change is finished`,
      });
  }
  for (const { object, way, name: table } of change.operations)
    if (object === 'table' && way === Way.instant)
      losses.push(
        ...(await droppedAgain(
          session,
          compareTables(tableOf(change.from, table)!, tableOf(change.to, table)!, change.renames)!,
        )),
      );
  return losses;
}

/** Values of columns that an instant change added, which its revert drops. */
async function droppedAgain(session: Session, { to, columns }: TableChange): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const { column } of columns.added.filter((each) => each.column.generated === null)) {
    const given = column.default === null || column.default.includes('(') ? 'NULL' : column.default;
    const [row] = await session.query(
      `SELECT count(*)::int AS n FROM ${name(to.name)} t WHERE t.${name(column.name)} IS DISTINCT FROM ${given}`,
    );
    const rows = Number(row!.n);
    if (rows > 0)
      losses.push({
        ...{ table: to.name, column: column.name, rows, example: null },
        message: `${rows} rows have values in ${to.name}.${column.name}, and the column goes for good`,
      });
  }
  return losses;
}

/** Values that were written to columns that the old side does not have. */
async function addedColumns(session: Session, { table, shadow, forward }: ShadowTables): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const column of forward.flow.own) {
    const own = of('s', column.name);
    // A default that is another for every row tells nothing of who wrote it.
    const constant = column.default === null ? 'NULL' : column.default.includes('(') ? null : column.default;
    if (constant === null || column.identity !== null) continue;
    const loss = await countRows(session, forward, forward.live, `${own} IS DISTINCT FROM ${constant}`);
    if (loss.rows > 0)
      losses.push({
        ...{ table, column: column.name, ...loss },
        message: `${loss.rows} rows have values in ${shadow.to.name}.${column.name}, which the old table has not`,
      });
  }
  return losses;
}

/** Rows that were made since, which never had a value in a column that must have one. */
async function impliedValues(session: Session, { table, shadow, back }: ShadowTables): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const { column, value } of implied(back.flow)) {
    const loss = await countRows(session, back, back.target, `${of('s', column)} = ${value}`, 'target');
    if (loss.rows > 0)
      losses.push({
        ...{ table, column, ...loss },
        message: `up to ${loss.rows} rows never had a ${shadow.from.name}.${column} and would have ${value}`,
      });
  }
  return losses;
}

async function countRows(
  session: Session,
  { flow }: ShadowTables['forward'],
  relation: string,
  where: string,
  side: 'source' | 'target' = 'target',
): Promise<Pick<Loss, 'rows' | 'example'>> {
  const key = keyColumns(flow, side, 's').map((column) => `${column}::text`);
  const [row] = await session.query(
    `SELECT count(*)::int AS n, (array_agg(to_jsonb(ARRAY[${key.join(', ')}])))[1] AS key FROM ${relation} s WHERE ${where}`,
  );
  const values = row!.key as readonly string[] | null;
  return {
    rows: Number(row!.n),
    example: values && Object.fromEntries(flow.key.map((pair, i) => [pair[side].name, values[i]!])),
  };
}

/**
 * Accepts that rows do not fit the old side: their keys are noted for the other direction, so that the new side, which
 * follows from then on, gives them up as well. Within the transaction of the revert.
 */
export async function sendBack(session: Session, shadows: readonly ShadowTables[]): Promise<void> {
  for (const { forward, back } of shadows) {
    const values = back.flow.key.map(({ target }, i) => `${keyParts(back.flow)[i]!}::${target.type}`);
    await session.execute(
      `INSERT INTO ${forward.log} (op, ${keyParts(forward.flow).join(', ')}) SELECT 'd', ${values.join(', ')} ` +
        `FROM ${back.refused}; DELETE FROM ${back.refused}`,
    );
  }
}
