import { name } from '../../../domain/schema/mysql/quote';
import { tableOf } from '../../../domain/schema/model';
import { Way, type PlannedChange } from '../../../domain/schema/plan';
import { compareTables } from '../../../domain/schema/table-change';
import type { Loss } from '../engine';
import { shadowsOf, type ShadowTables } from './helpers';
import { failedRows } from './progress';
import { text } from './rows';
import type { Session } from './session';
import { keyParts } from './sql';

/** What a revert would not bring back: values that only the new form has, and rows that the old one cannot hold. */
export async function lossesOf(session: Session, change: PlannedChange): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  for (const shadow of shadowsOf(change))
    losses.push(...(await ofValues(session, shadow)), ...(await ofRows(session, shadow)));
  losses.push(...(await ofInstant(session, change)));
  await session.execute('COMMIT');
  return losses;
}

/** What was altered in place has but one side: what went is gone, and what came goes. */
async function ofInstant(session: Session, { from, to, renames, operations }: PlannedChange): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const { name: table, way } of operations) {
    const [old, fresh] = [tableOf(from, table), tableOf(to, table)];
    if (way !== Way.instant || old === null || fresh === null) continue;
    const { added, dropped } = compareTables(old, fresh, renames)!.columns;
    const count = async (condition: string): Promise<number> => {
      const [row] = await session.query(`SELECT COUNT(*) AS n FROM ${name(table)} WHERE ${condition}`);
      return Number(row!.n);
    };
    const say = (column: string, rows: number, what: string): void => {
      const message = `${rows} values of ${table}.${column}, which ${what}, would be gone`;
      if (rows > 0) losses.push({ table, column, rows, message, example: null });
    };
    for (const { column } of added)
      if (column.generated === null)
        say(
          column.name,
          await count(`NOT (${name(column.name)} <=> ${column.default ?? 'NULL'})`),
          'only the new form has',
        );
    for (const { name: column, generated } of dropped)
      if (generated === null) say(column, await count('TRUE'), 'went with the change');
  }
  return losses;
}

async function ofValues(session: Session, { names, forward }: ShadowTables): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const column of forward.own) {
    const own = `live.${name(column.name)}`;
    const set = column.default === null ? `${own} IS NOT NULL` : `NOT (${own} <=> ${column.default})`;
    const keys = forward.key.map(({ target }) => `CAST(live.${name(target.name)} AS CHAR) AS ${name(target.name)}`);
    const from = `FROM ${name(names.table)} AS live WHERE ${set}`;
    const [count] = await session.query(`SELECT COUNT(*) AS n ${from}`);
    const rows = Number(count!.n);
    if (rows === 0) continue;
    const [example] = await session.query(`SELECT ${keys.join(', ')} ${from} LIMIT 1`);
    losses.push({
      ...{ table: names.table, column: column.name, rows },
      message: `${rows} values of ${names.table}.${column.name}, which only the new form has, would be gone`,
      example: Object.fromEntries(forward.key.map(({ target }) => [target.name, text(example?.[target.name])])),
    });
  }
  return losses;
}

async function ofRows(session: Session, { names, forward }: ShadowTables): Promise<Loss[]> {
  const failed = await failedRows(session, names.failed, keyParts(forward));
  if (failed.length === 0) return [];
  const [count] = await session.query(`SELECT COUNT(*) AS n FROM ${name(names.failed)}`);
  const rows = Number(count!.n);
  return [
    {
      ...{ table: names.table, column: null, rows },
      message: `${rows} rows of ${names.table} do not fit the old form, which has them as they were before: ${failed[0]!.message}`,
      example: Object.fromEntries(forward.key.map(({ source }, i) => [source.name, failed[0]!.key[`k${i + 1}`] ?? ''])),
    },
  ];
}
