import { name } from '../../../domain/schema/mysql/quote';
import type { Flow } from '../../../domain/schema/sides';
import { nullable, text } from './rows';
import type { Session } from './session';
import { converted, handle, implicit, keyParts, of, onKey } from './sql';

/** Which notes of a log a batch takes: the first so many, all, or these. */
export type Selection = { readonly first: number } | 'all' | { readonly ids: readonly string[] };

/** Where a batch of notes goes: the names of the log and of the side that follows. */
export interface Route {
  readonly flow: Flow;
  readonly log: string;
  readonly live: string;
  readonly target: string;
}

/** Everything that a batch reads or writes, as LOCK TABLES takes it: what goes by several names has to be locked by each. */
export function locksOf({ log, live, target }: Route, failed: string): string {
  return [
    ...[name(live), `${name(live)} AS live`, `${name(live)} AS live_before`, name(target), `${name(target)} AS target`],
    ...[
      name(log),
      `${name(log)} AS moved`,
      `${name(log)} AS again`,
      `${name(log)} AS noted`,
      name(failed),
      `${name(failed)} AS f`,
    ],
  ]
    .map((table) => `${table} WRITE`)
    .join(', ');
}

/**
 * Makes the temporary tables of one direction: the notes of a batch with the live rows as they are now, one row for each
 * key, and what of the target's own is carried along. InnoDB, so that a rollback takes back what is in them; the values
 * have the types of the live side and never leave the server.
 */
export async function createBatchTables(session: Session, route: Route): Promise<void> {
  const { flow } = route;
  await session.execute('DROP TEMPORARY TABLE IF EXISTS gw_notes, gw_rows, gw_kept, gw_moves');
  const empty = `${selectNotes(route, `SELECT * FROM ${name(route.log)} LIMIT 0`)} LIMIT 0`;
  await session.execute(`CREATE TEMPORARY TABLE gw_notes ENGINE=InnoDB AS ${empty}`);
  await session.execute('ALTER TABLE gw_notes MODIFY handle BINARY(32) NOT NULL, MODIFY origin BINARY(32) NULL');
  await session.execute(
    `CREATE TEMPORARY TABLE gw_rows ENGINE=InnoDB AS SELECT handle, origin, present, 0 AS remade, 0 AS kept, 0 AS there, ` +
      `${[...keyParts(flow), ...valueNames(flow)].join(', ')} FROM gw_notes LIMIT 0`,
  );
  await session.execute('ALTER TABLE gw_rows ADD PRIMARY KEY (handle), ADD KEY (origin)');
  await session.execute(
    `CREATE TEMPORARY TABLE gw_kept ENGINE=InnoDB AS SELECT ${['CAST(0 AS BINARY(32)) AS handle', ...ownValues(flow)].join(', ')} ` +
      `FROM ${name(route.target)} AS target LIMIT 0`,
  );
  await session.execute('ALTER TABLE gw_kept MODIFY handle BINARY(32) NOT NULL, ADD PRIMARY KEY (handle)');
  await session.execute(
    'CREATE TEMPORARY TABLE gw_moves (handle BINARY(32) PRIMARY KEY, origin BINARY(32) NOT NULL) ENGINE=InnoDB',
  );
  await session.execute('COMMIT');
}

/**
 * Reads notes and the rows that they are about, in one statement, which has one read view.
 * @returns the number of notes.
 */
export async function readBatch(session: Session, route: Route, selection: Selection): Promise<number> {
  for (const table of ['gw_notes', 'gw_rows', 'gw_kept']) await session.execute(`DELETE FROM ${table}`);
  const notes = selected(name(route.log), selection);
  const moves = await session.query(`SELECT 1 FROM ${name(route.log)} WHERE op = 'm' LIMIT 1`);
  // A move is one note about two keys. Everything goes by another name each time, as LOCK TABLES wants it.
  const moved = `SELECT * FROM ${name(route.log)} AS moved WHERE op = 'm'`;
  const among =
    selection === 'all'
      ? moved
      : `${moved} AND id IN (${'ids' in selection ? selection.ids.join(', ') : `SELECT id FROM (${selected(`${name(route.log)} AS again`, selection)}) AS n`})`;
  const other = moves.length > 0 ? ` UNION ALL ${selectNotes(route, among, 'o')}` : '';
  await session.execute(`INSERT INTO gw_notes ${selectNotes(route, notes)}${other}`);
  const names = [...keyParts(route.flow), ...valueNames(route.flow)];
  await session.execute(
    `INSERT INTO gw_rows SELECT handle, handle, MAX(present), 0, 0, 0, ${names.join(', ')} FROM gw_notes GROUP BY handle`,
  );
  const [row] = await session.query('SELECT COUNT(DISTINCT note) AS n FROM gw_notes');
  return Number(row!.n);
}

function selected(log: string, selection: Selection): string {
  const from = `SELECT * FROM ${log}`;
  if (selection === 'all') return from;
  return 'first' in selection
    ? `${from} ORDER BY id LIMIT ${selection.first}`
    : `${from} WHERE id IN (${selection.ids.join(', ')})`;
}

/** Notes with their keys and what the live side has of them. @param letter which of the two keys of a move. */
function selectNotes({ flow, live }: Route, notes: string, letter: 'k' | 'o' = 'k'): string {
  const keys = keyParts(flow, letter);
  const other = flow.key.map((_, i) => `l.o${i + 1}`);
  const moved = `IF(l.op = 'm' AND '${letter}' = 'k', ${handle(flow, 'source', (i) => other[i]!)}, NULL)`;
  const alias = letter === 'k' ? 'live' : 'live_before';
  const present = of(alias, flow.key[0]!.source.name);
  return (
    `SELECT l.id AS note, l.op AS op, ${handle(flow, 'source', (i) => `l.${keys[i]!}`)} AS handle, ${moved} AS origin, ` +
    `${present} IS NOT NULL AS present, ${keys.map((key, i) => `l.${key} AS k${i + 1}`).join(', ')}, ` +
    `${flow.carried.map(({ source }, i) => `${of(alias, source.name)} AS c${i + 1}`).join(', ')} ` +
    `FROM (${notes}) AS l LEFT JOIN ${name(live)} AS ${alias} ON ${onKey(flow, 'source', alias, 'l', letter)}`
  );
}

/**
 * Sets the target right for every key of the batch.
 * @param remade whether all rows are taken out before any is put in: for values that pass from row to row.
 */
export async function applyBatch(session: Session, { flow, target }: Route, remade: boolean): Promise<void> {
  const table = name(target);
  const join = `gw_rows STRAIGHT_JOIN ${table} AS target ON ${onKey(flow, 'target', 'target', 'gw_rows')}`;
  if (flow.own.length > 0) await traceOrigins(session);
  if (remade) await session.execute('UPDATE gw_rows SET remade = 1, kept = 1 WHERE present = 1');
  if (flow.own.length > 0)
    await session.execute(
      `INSERT INTO gw_kept SELECT gw_rows.handle, ${ownValues(flow).join(', ')} FROM ${join} WHERE gw_rows.kept = 1`,
    );
  await session.execute(`DELETE target FROM ${join} WHERE gw_rows.present = 0 OR gw_rows.remade = 1`);
  await session.execute(`UPDATE ${join} SET gw_rows.there = 1 WHERE gw_rows.present = 1`);
  const sets = flow.carried.map(
    (pair, i) => `${of('target', pair.target.name)} = ${converted(pair, `gw_rows.c${i + 1}`)}`,
  );
  await session.execute(`UPDATE ${join} SET ${sets.join(', ')} WHERE gw_rows.there = 1`);
  await insertRows(session, flow, table);
}

/**
 * Tells for each row whose own values it keeps: its own, those of the row that moved to its key, or, being new, nobody's.
 * The notes of one key stand in the order of what happened to it, because whoever changes a row holds its lock.
 */
async function traceOrigins(session: Session): Promise<void> {
  const notes = await session.query(
    "SELECT op, HEX(handle) AS handle, HEX(origin) AS origin FROM gw_notes WHERE op <> 'u' AND (op <> 'm' OR origin IS NOT NULL) ORDER BY note",
  );
  const origins = new Map<string, string | null>();
  for (const note of notes) {
    const [key, from] = [text(note.handle), nullable(note.origin)];
    origins.set(key, from === null ? null : origins.has(from) ? origins.get(from)! : from);
    if (from !== null) origins.set(from, null);
  }
  const fresh = [...origins].flatMap(([key, origin]) => (origin === null ? [`x'${key}'`] : []));
  const moved = [...origins].flatMap(([key, origin]) => (origin === null || origin === key ? [] : [{ key, origin }]));
  if (fresh.length > 0)
    await session.execute(`UPDATE gw_rows SET origin = NULL, remade = 1 WHERE handle IN (${fresh.join(', ')})`);
  if (moved.length === 0) return;
  await session.execute('DELETE FROM gw_moves');
  const pairs = moved.map(({ key, origin }) => `(x'${key}', x'${origin}')`);
  await session.execute(`INSERT INTO gw_moves VALUES ${pairs.join(', ')}`);
  await session.execute('UPDATE gw_rows JOIN gw_moves USING (handle) SET gw_rows.origin = gw_moves.origin, remade = 1');
  await session.execute('UPDATE gw_rows JOIN gw_moves ON gw_rows.handle = gw_moves.origin SET kept = 1');
}

async function insertRows(session: Session, flow: Flow, table: string): Promise<void> {
  const columns = flow.carried.map(({ target }) => name(target.name));
  const values = flow.carried.map((pair, i) => converted(pair, `gw_rows.c${i + 1}`));
  const filled = implicit(flow);
  const plain = [...columns, ...filled.map(({ column }) => name(column))];
  const missing = 'gw_rows.present = 1 AND gw_rows.there = 0';
  const notKept = flow.own.length > 0 ? ' LEFT JOIN gw_kept ON gw_kept.handle = gw_rows.origin' : '';
  await session.execute(
    `INSERT INTO ${table} (${plain.join(', ')}) SELECT ${[...values, ...filled.map(({ value }) => value)].join(', ')} ` +
      `FROM gw_rows${notKept} WHERE ${missing}${notKept === '' ? '' : ' AND gw_kept.handle IS NULL'}`,
  );
  if (flow.own.length === 0) return;
  const own = flow.own.map((column) => name(column.name));
  const kept = flow.own.map((_, i) => `gw_kept.x${i + 1}`);
  await session.execute(
    `INSERT INTO ${table} (${[...columns, ...own].join(', ')}) SELECT ${[...values, ...kept].join(', ')} ` +
      `FROM gw_rows JOIN gw_kept ON gw_kept.handle = gw_rows.origin WHERE ${missing}`,
  );
}

function valueNames({ carried }: Flow): string[] {
  return carried.map((_, i) => `c${i + 1}`);
}

function ownValues({ own }: Flow): string[] {
  return own.map((column, i) => `${of('target', column.name)} AS x${i + 1}`);
}
