import { name } from '../../../domain/schema/mysql/quote';
import type { Flow } from '../../../domain/schema/sides';
import { compared, Mark } from './key-walk';
import { nullable, text } from './rows';
import type { Session } from './session';
import { byKey, converted, handle, implicit, keyParts, of, onKey } from './sql';

/** Which notes of a log a batch takes: the first so many beyond one, all, or these. */
export type Selection =
  { readonly first: number; readonly beyond: string } | 'all' | { readonly ids: readonly string[] };

/** What was read for a batch. */
export interface Read {
  /** How many notes. */
  readonly taken: number;
  /** Whether a key moved by one of them. */
  readonly moves: boolean;
  /** The id of the last of them; null where there are none. */
  readonly last: string | null;
  /** Whether rows are noted as failed. */
  readonly failed: boolean;
}

/** Where a batch of notes goes: the names of the log and of the side that follows. */
export interface Route {
  readonly flow: Flow;
  readonly log: string;
  readonly live: string;
  readonly target: string;
  /** Tells the names by which this route's tables go in SQL from those of another, which are locked with them. */
  readonly tag: number;
  /**
   * The cursor of a copy that goes on: what lies between it and its end is copied as it will be then, so that notes about
   * it are done with by being read. Copier and drainer are never at work at once, so that the cursor stands still.
   */
  readonly copying?: string;
}

/** Everything that a batch reads or writes, as LOCK TABLES takes it: what goes by several names has to be locked by each. */
export function locksOf({ log, live, target, tag }: Route, failed: string): string {
  const as = (table: string, ...aliases: string[]): string[] => [
    name(table),
    ...aliases.map((alias) => `${name(table)} AS ${alias}${tag}`),
  ];
  return [
    ...[...as(live, 'live', 'before'), ...as(target, 'target')],
    ...[...as(log, 'moved', 'again', 'noted'), ...as(failed, 'failed')],
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
  const { flow, tag } = route;
  await session.execute(`DROP TEMPORARY TABLE IF EXISTS gw_notes${tag}, gw_rows${tag}, gw_kept${tag}, gw_moves${tag}`);
  const empty = `${selectNotes(route, `SELECT * FROM ${name(route.log)} LIMIT 0`)} LIMIT 0`;
  await session.execute(`CREATE TEMPORARY TABLE gw_notes${tag} ENGINE=InnoDB AS ${empty}`);
  await session.execute(`ALTER TABLE gw_notes${tag} MODIFY handle BINARY(32) NOT NULL, MODIFY origin BINARY(32) NULL`);
  await session.execute(
    `CREATE TEMPORARY TABLE gw_rows${tag} ENGINE=InnoDB AS SELECT handle, origin, present, 0 AS remade, 0 AS kept, 0 AS there, ` +
      `${[...keyParts(flow), ...valueNames(flow)].join(', ')} FROM gw_notes${tag} LIMIT 0`,
  );
  await session.execute(`ALTER TABLE gw_rows${tag} ADD PRIMARY KEY (handle)`);
  await session.execute(
    `CREATE TEMPORARY TABLE gw_kept${tag} ENGINE=InnoDB AS SELECT ${['CAST(0 AS BINARY(32)) AS handle', ...ownValues(route)].join(', ')} ` +
      `FROM ${name(route.target)} AS target${tag} LIMIT 0`,
  );
  await session.execute(`ALTER TABLE gw_kept${tag} MODIFY handle BINARY(32) NOT NULL, ADD PRIMARY KEY (handle)`);
  await session.execute(
    `CREATE TEMPORARY TABLE gw_moves${tag} (handle BINARY(32) PRIMARY KEY, origin BINARY(32) NOT NULL) ENGINE=InnoDB`,
  );
  await session.execute('COMMIT');
}

/** Empties what the batch before left, outside of any transaction: rows that are deleted one by one would stay for a time. */
export async function emptyBatch(session: Session, route: Route): Promise<void> {
  for (const table of batchTables(route)) await session.execute(`TRUNCATE TABLE ${table}`);
}

/** Empties it within a transaction, which a TRUNCATE would end. */
export async function discardBatch(session: Session, route: Route): Promise<void> {
  for (const table of batchTables(route)) await session.execute(`DELETE FROM ${table}`);
}

function batchTables({ tag, flow }: Route): string[] {
  return [`gw_notes${tag}`, `gw_rows${tag}`, ...(flow.own.length > 0 ? [`gw_kept${tag}`] : [])];
}

/**
 * Reads notes and the rows that they are about, in one statement, which has one read view.
 * @param moves whether some of them may be moves, each of which is one note about two keys; where one is found that was
 * not looked for, the batch is not to be used.
 */
export async function readBatch(
  session: Session,
  route: Route,
  failed: string,
  selection: Selection,
  moves: boolean,
): Promise<Read> {
  const { tag } = route;
  const parts = [
    selectNotes(route, selected(name(route.log), selection)),
    ...(moves ? [selectNotes(route, selectedMoves(route, selection), 'o')] : []),
  ];
  await session.execute(`INSERT INTO gw_notes${tag} ${parts.join(' UNION ALL ')}`);
  const [row] = await session.query(
    `SELECT COUNT(IF(op <> 'm' OR origin IS NOT NULL, 1, NULL)) AS taken, COUNT(IF(op = 'm', 1, NULL)) AS moves, ` +
      `CAST(MAX(note) AS CHAR) AS last, EXISTS (SELECT 1 FROM ${name(failed)} AS failed${tag}) AS failed FROM gw_notes${tag}`,
  );
  return {
    taken: Number(row!.taken),
    moves: Number(row!.moves) > 0,
    last: nullable(row!.last),
    failed: Number(row!.failed) === 1,
  };
}

/**
 * Makes one row of all the notes of a key. What came or went, whatever else happened to it, has nothing of its own, unless
 * it is a key between which rows moved.
 */
export async function gatherRows(session: Session, { flow, tag }: Route): Promise<void> {
  const names = [...keyParts(flow), ...valueNames(flow)];
  const fresh = flow.own.length > 0 ? "MAX(op IN ('i', 'd'))" : '0';
  await session.execute(
    `INSERT INTO gw_rows${tag} SELECT handle, IF(${fresh}, NULL, handle), MAX(present), ${fresh}, 0, 0, ${names.join(', ')} ` +
      `FROM gw_notes${tag} WHERE ahead = 0 GROUP BY handle`,
  );
}

function selected(log: string, selection: Selection): string {
  const from = `SELECT * FROM ${log}`;
  if (selection === 'all') return from;
  return 'first' in selection
    ? `${from} FORCE INDEX (PRIMARY) WHERE id > ${selection.beyond} ORDER BY id LIMIT ${selection.first}`
    : `${from} WHERE id IN (${selection.ids.join(', ')})`;
}

/** Those of the selected notes that are moves. Everything goes by another name each time, as LOCK TABLES wants it. */
function selectedMoves({ log, tag }: Route, selection: Selection): string {
  const moved = `SELECT * FROM ${name(log)} AS moved${tag} WHERE op = 'm'`;
  if (selection === 'all') return moved;
  const ids =
    'ids' in selection
      ? selection.ids.join(', ')
      : `SELECT id FROM (${selected(`${name(log)} AS again${tag}`, selection)}) AS n`;
  return `${moved} AND id IN (${ids})`;
}

/** Notes with their keys and what the live side has of them. @param letter which of the two keys of a move. */
function selectNotes({ flow, live, tag, copying }: Route, notes: string, letter: 'k' | 'o' = 'k'): string {
  const keys = keyParts(flow, letter);
  const other = flow.key.map((_, i) => `l.o${i + 1}`);
  const moved = `IF(l.op = 'm' AND '${letter}' = 'k', ${handle(flow, 'source', (i) => other[i]!)}, NULL)`;
  const alias = `${letter === 'k' ? 'live' : 'before'}${tag}`;
  const present = of(alias, flow.key[0]!.source.name);
  return (
    `SELECT l.id AS note, l.op AS op, ${handle(flow, 'source', (i) => `l.${keys[i]!}`)} AS handle, ${moved} AS origin, ` +
    `${present} IS NOT NULL AS present, ${copying === undefined ? '0' : isAhead(flow, copying, letter)} AS ahead, ${keys.map((key, i) => `l.${key} AS k${i + 1}`).join(', ')}, ` +
    `${flow.carried.map(({ source }, i) => `${of(alias, source.name)} AS c${i + 1}`).join(', ')} ` +
    `FROM (${notes}) AS l LEFT JOIN ${name(live)} AS ${alias}${byKey(flow, 'source')} ON ${onKey(flow, 'source', alias, 'l', letter)}`
  );
}

function isAhead(flow: Flow, cursor: string, letter: 'k' | 'o'): string {
  const columns = keyParts(flow, letter).map((part) => `l.${part}`);
  const within = (mark: Mark): string =>
    `EXISTS (SELECT 1 FROM ${name(cursor)} AS c WHERE c.id = ${mark} AND ${compared(flow, columns, '<=', 'c')})`;
  return `${within(Mark.end)} AND NOT ${within(Mark.copied)}`;
}

/**
 * Sets the target right for every key of the batch.
 * @param moves whether keys moved by some of its notes.
 * @param remade whether all rows are taken out before any is put in: for values that pass from row to row.
 */
export async function applyBatch(session: Session, route: Route, moves: boolean, remade: boolean): Promise<void> {
  const { flow, tag } = route;
  const table = name(route.target);
  const target = `target${tag}`;
  const join = `gw_rows${tag} STRAIGHT_JOIN ${table} AS ${target}${byKey(flow, 'target')} ON ${onKey(flow, 'target', target, `gw_rows${tag}`)}`;
  if (moves && flow.own.length > 0) await traceMoves(session, route);
  if (remade) await session.execute(`UPDATE gw_rows${tag} SET remade = 1, kept = 1 WHERE present = 1`);
  if (flow.own.length > 0)
    await session.execute(
      `INSERT INTO gw_kept${tag} SELECT gw_rows${tag}.handle, ${ownValues(route).join(', ')} FROM ${join} WHERE gw_rows${tag}.kept = 1`,
    );
  await session.execute(`DELETE ${target} FROM ${join} WHERE gw_rows${tag}.present = 0 OR gw_rows${tag}.remade = 1`);
  const sets = flow.carried.map(
    (pair, i) => `${of(target, pair.target.name)} = ${converted(pair, `gw_rows${tag}.c${i + 1}`)}`,
  );
  await session.execute(
    `UPDATE ${join} SET gw_rows${tag}.there = 1, ${sets.join(', ')} WHERE gw_rows${tag}.present = 1`,
  );
  await insertRows(session, route);
}

/**
 * Tells for each key between which rows moved whose own values its row keeps: those of the row that moved there, or nobody's.
 * The notes of one key stand in the order of what happened to it, because whoever changes a row holds its lock.
 */
async function traceMoves(session: Session, { tag }: Route): Promise<void> {
  const notes = await session.query(
    `SELECT op, HEX(handle) AS handle, HEX(origin) AS origin FROM gw_notes${tag} WHERE op <> 'u' AND (op <> 'm' OR origin IS NOT NULL) ORDER BY note`,
  );
  const origins = new Map<string, string | null>();
  const touched = new Set<string>();
  for (const note of notes) {
    const [key, from] = [text(note.handle), nullable(note.origin)];
    origins.set(key, from === null ? null : origins.has(from) ? origins.get(from)! : from);
    if (from === null) continue;
    origins.set(from, null);
    touched.add(key).add(from);
  }
  const among = [...touched].map((key) => ({ key, origin: origins.get(key)! }));
  const fresh = among.filter(({ origin }) => origin === null).map(({ key }) => `x'${key}'`);
  const moved = among.filter(({ origin }) => origin !== null);
  if (fresh.length > 0)
    await session.execute(`UPDATE gw_rows${tag} SET origin = NULL, remade = 1 WHERE handle IN (${fresh.join(', ')})`);
  if (moved.length === 0) return;
  await session.execute(`DELETE FROM gw_moves${tag}`);
  const pairs = moved.map(({ key, origin }) => `(x'${key}', x'${origin!}')`);
  await session.execute(`INSERT INTO gw_moves${tag} VALUES ${pairs.join(', ')}`);
  await session.execute(
    `UPDATE gw_moves${tag} STRAIGHT_JOIN gw_rows${tag} FORCE INDEX (PRIMARY) USING (handle) SET gw_rows${tag}.origin = gw_moves${tag}.origin, remade = 1`,
  );
  await session.execute(
    `UPDATE gw_moves${tag} STRAIGHT_JOIN gw_rows${tag} FORCE INDEX (PRIMARY) ON gw_rows${tag}.handle = gw_moves${tag}.origin SET kept = 1`,
  );
}

async function insertRows(session: Session, { flow, target, tag }: Route): Promise<void> {
  const table = name(target);
  const columns = flow.carried.map(({ target }) => name(target.name));
  const values = flow.carried.map((pair, i) => converted(pair, `gw_rows${tag}.c${i + 1}`));
  const filled = implicit(flow);
  const plain = [...columns, ...filled.map(({ column }) => name(column))];
  const missing = `gw_rows${tag}.present = 1 AND gw_rows${tag}.there = 0`;
  const notKept =
    flow.own.length > 0
      ? ` LEFT JOIN gw_kept${tag} FORCE INDEX (PRIMARY) ON gw_kept${tag}.handle = gw_rows${tag}.origin`
      : '';
  await session.execute(
    `INSERT INTO ${table} (${plain.join(', ')}) SELECT ${[...values, ...filled.map(({ value }) => value)].join(', ')} ` +
      `FROM gw_rows${tag}${notKept} WHERE ${missing}${notKept === '' ? '' : ` AND gw_kept${tag}.handle IS NULL`}`,
  );
  if (flow.own.length === 0) return;
  const own = flow.own.map((column) => name(column.name));
  const kept = flow.own.map((_, i) => `gw_kept${tag}.x${i + 1}`);
  await session.execute(
    `INSERT INTO ${table} (${[...columns, ...own].join(', ')}) SELECT ${[...values, ...kept].join(', ')} ` +
      `FROM gw_rows${tag} STRAIGHT_JOIN gw_kept${tag} FORCE INDEX (PRIMARY) ON gw_kept${tag}.handle = gw_rows${tag}.origin WHERE ${missing}`,
  );
}

function valueNames({ carried }: Flow): string[] {
  return carried.map((_, i) => `c${i + 1}`);
}

function ownValues({ flow: { own }, tag }: Route): string[] {
  return own.map((column, i) => `${of(`target${tag}`, column.name)} AS x${i + 1}`);
}
