import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange } from '../../../domain/schema/plan';
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
  await session.execute('COMMIT');
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

/** @throws Failure REVERT_LOSES */
export async function refuseLosses(session: Session, change: PlannedChange): Promise<void> {
  const losses = await lossesOf(session, change);
  if (losses.length > 0)
    throw new Failure('REVERT_LOSES', losses.map(({ message }) => message).join('; '), { data: { losses } });
}
