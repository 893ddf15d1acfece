import { Failure } from '../../../domain/failures';
import { createBareTable } from '../../../domain/schema/mysql/ddl';
import { literal, name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange, Shadow } from '../../../domain/schema/plan';
import { flowOf, type Flow } from '../../../domain/schema/sides';
import { Errno, patiently, SILENT } from './engine-session';
import { helperNames, type HelperNames } from './names';
import { text } from './rows';
import { ServerError, type Session } from './session';
import { bytes, characterSet, isText, keyParts } from './sql';
import { commentOf } from './state';

/** A shadow of a change with what belongs to it on this kind of server. */
export interface ShadowTables {
  readonly shadow: Shadow;
  readonly names: HelperNames;
  readonly forward: Flow;
  readonly back: Flow;
  /** Its place among the shadows of the change. */
  readonly place: number;
}

/** The shadows of a change, by the names of their tables. */
export function shadowsOf({ operations }: PlannedChange): ShadowTables[] {
  return operations
    .flatMap(({ shadow }) => (shadow === null ? [] : [shadow]))
    .map((shadow, place) => ({
      ...{ shadow, place, names: helperNames(shadow.from.name) },
      ...{ forward: flowOf(shadow, 'forward'), back: flowOf(shadow, 'back') },
    }));
}

/**
 * Claims a table for a change by making its log.
 * @param tables of its shadow, which alone writes a log.
 * @throws Failure CHANGE_CONFLICT when another change has the table.
 */
export async function claimTable(
  session: Session,
  change: PlannedChange,
  table: string,
  tables: ShadowTables | undefined,
): Promise<void> {
  const keys = (letter: 'k' | 'o', rest: string): string[] =>
    tables === undefined ? [] : keyColumns(tables.forward, letter).map((key) => `${key} ${rest}`);
  // UUID_SHORT, not AUTO_INCREMENT: that would take a lock on the log for every statement of users, and their INSERT_ID.
  const columns = [
    'id BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()) PRIMARY KEY',
    'op CHAR(1) CHARACTER SET ascii NOT NULL',
  ];
  await claim(session, change, helperNames(table).log, [...columns, ...keys('k', 'NOT NULL'), ...keys('o', 'NULL')]);
}

/** Makes the tables beside the shadow itself. */
export async function createHelpers(
  session: Session,
  change: PlannedChange,
  { names, forward }: ShadowTables,
): Promise<void> {
  const keys = (rest: string): string[] => keyColumns(forward, 'k').map((key) => `${key} ${rest}`);
  const failed = [
    'id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY',
    'errno INT NOT NULL',
    'message TEXT NOT NULL',
  ];
  await claim(session, change, names.failed, [...failed, ...keys('NOT NULL')]);
  const marks = ['id TINYINT NOT NULL PRIMARY KEY', 'copied BIGINT NOT NULL DEFAULT 0'];
  await claim(session, change, names.cursor, [...marks, ...keys('NULL')]);
}

async function claim(
  session: Session,
  change: PlannedChange,
  table: string,
  columns: readonly string[],
): Promise<void> {
  await session.execute(
    `CREATE TABLE IF NOT EXISTS ${name(table)} (${columns.join(', ')}) ENGINE=InnoDB CHARSET=utf8mb4 ` +
      `COMMENT=${literal(commentOf(change))}`,
  );
  const [row] = await session.query(
    'SELECT table_comment AS comment FROM information_schema.tables WHERE table_schema = database() AND table_name = ?',
    [table],
  );
  if (text(row?.comment) !== commentOf(change))
    throw new Failure(
      'CHANGE_CONFLICT',
      `${table} belongs to another change: ${text(row?.comment) || 'it has no comment'}`,
    );
}

/** The parts of a key with the types of the live side, so that keys never leave the server. */
function keyColumns(flow: Flow, letter: 'k' | 'o'): string[] {
  return flow.key.map(({ source }, i) => {
    const own = keyParts(flow, letter)[i]!;
    if (!isText(source)) return `${own} ${source.type}`;
    const { charset, collation } = characterSet(source, flow.source);
    return `${own} ${source.type} CHARACTER SET ${charset} COLLATE ${collation}`;
  });
}

/** What a check is called that MySQL named after its table, on another: a RENAME names it after the table again. */
function checkNameOn(other: string, table: string, check: string): string {
  const number = generatedNumber(table, check);
  return number === null ? check : `${other}_chk_${number}`;
}

/** The number of a check that is called as MySQL would call it; null for names of users' own. */
export function generatedNumber(table: string, check: string): string | null {
  return check.startsWith(`${table}_chk_`) ? (/^\d+$/.exec(check.slice(table.length + 5))?.[0] ?? null) : null;
}

/** Makes the shadow itself, without foreign keys and triggers. */
export async function createGhost(session: Session, { shadow, names }: ShadowTables): Promise<void> {
  try {
    const { to } = shadow;
    const checks = to.checks.map((check) => ({ ...check, name: checkNameOn(names.ghost, to.name, check.name) }));
    await session.execute(createBareTable({ ...to, checks, name: names.ghost }));
  } catch (error) {
    // Made by whoever began this change: nobody else uses such a name.
    if (!(error instanceof ServerError) || error.errno !== Errno.tableExists) throw error;
  }
}

/**
 * Makes the triggers that note changed keys, the same on both sides: they stay with their tables for as long as the
 * change lives, and nothing has to be switched at a swap. CREATE TRIGGER waits for the transactions that wrote without it.
 * The new side gets them once it is copied: every row would have to pass by them.
 */
export async function createTriggers(
  session: Session,
  { names, forward, back }: ShadowTables,
  side: 'old' | 'new',
  point: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const [table, flow] = side === 'old' ? [names.table, forward] : [names.ghost, back];
  for (const event of ['i', 'u', 'd'] as const) {
    await patiently(session, triggerStatement(names, side, event, table, flow), signal);
    await point();
  }
}

function triggerStatement(
  names: HelperNames,
  side: 'old' | 'new',
  event: 'i' | 'u' | 'd',
  table: string,
  flow: Flow,
): string {
  const when = { i: 'INSERT', u: 'UPDATE', d: 'DELETE' }[event];
  const own = name(names.trigger(side, event));
  return (
    `CREATE TRIGGER IF NOT EXISTS ${own} AFTER ${when} ON ${name(table)} FOR EACH ROW ` +
    `IF ${SILENT} IS NULL THEN ${bodies[event](names, flow)} END IF`
  );
}

/** What a trigger notes. A key that moves is one note, so that what the other side has for itself moves along. */
const bodies = {
  i: (names: HelperNames, flow: Flow) => `${note(names, flow, 'i', 'NEW')};`,
  d: (names: HelperNames, flow: Flow) => `${note(names, flow, 'd', 'OLD')};`,
  u: (names: HelperNames, flow: Flow) => {
    const keys = flow.key.map(({ source }) => ({ source, column: name(source.name) }));
    const moved = keys.map(
      ({ source, column }) => `NOT (${bytes(`OLD.${column}`, source)} <=> ${bytes(`NEW.${column}`, source)})`,
    );
    // UPDATE IGNORE also tells of rows that it skipped; then the old key is still there.
    const there = keys
      .map(({ source, column }) => {
        const same = `live.${column} = OLD.${column}`;
        return isText(source)
          ? `${same} AND ${bytes(`live.${column}`, source)} = ${bytes(`OLD.${column}`, source)}`
          : same;
      })
      .join(' AND ');
    const skipped = `EXISTS (SELECT 1 FROM ${name(names.table)} AS live WHERE ${there} LOCK IN SHARE MODE)`;
    return (
      `IF NOT (${moved.join(' OR ')}) THEN ${note(names, flow, 'u', 'OLD')}; ` +
      `ELSEIF ${skipped} THEN ${note(names, flow, 'u', 'OLD')}; ${note(names, flow, 'u', 'NEW')}; ` +
      `ELSE ${note(names, flow, 'm', 'NEW', 'OLD')}; END IF;`
    );
  },
};

function note(names: HelperNames, flow: Flow, op: 'i' | 'u' | 'd' | 'm', row: 'NEW' | 'OLD', from?: 'OLD'): string {
  const parts = [...keyParts(flow), ...(from ? keyParts(flow, 'o') : [])];
  const key = (alias: string): string[] => flow.key.map(({ source }) => `${alias}.${name(source.name)}`);
  const values = [...key(row), ...(from ? key(from) : [])];
  return `INSERT INTO ${name(names.log)} (op, ${parts.join(', ')}) VALUES ('${op}', ${values.join(', ')})`;
}
