import { FlagKind, OperationKind, type Operation, type SchemaChange } from '../../../domain/schema/change';
import { inOrder, inReverse } from '../../../domain/schema/statements';
import { diff } from '../../../domain/schema/diff';
import { tableOf, type Table } from '../../../domain/schema/model';
import { postgresDdl } from '../../../domain/schema/postgresql/ddl';
import { name } from '../../../domain/schema/postgresql/quote';
import { createBareTable, createTable } from '../../../domain/schema/postgresql/table-ddl';
import type { PlannedChange } from '../../../domain/schema/plan';
import { planChange } from '../../../domain/schema/ways';
import type { PlanWishes } from '../engine';
import { text } from './rows';
import { ServerError, type Session } from './session';

/** Chooses how each operation of a change is made; what might be instant is tried on an empty copy. */
export async function plan(
  session: Session,
  id: string,
  change: SchemaChange,
  wishes: PlanWishes,
  signal: AbortSignal,
): Promise<PlannedChange> {
  const instant = new Set<string>();
  for (const operation of diff(change, postgresDdl)) {
    signal.throwIfAborted();
    const from = tableOf(change.from, operation.name);
    if (from !== null && mayBeInstant(operation, from) && (await isInstant(session, from, operation)))
      instant.add(operation.name);
  }
  return planChange(id, change, postgresDdl, { instant, instantWanted: wishes.instant });
}

/**
 * Not what a foreign key is about, whose other table no copy of ours may touch, and not what takes values away: a revert
 * could not bring them back.
 */
function mayBeInstant(operation: Operation, from: Table): boolean {
  const { object, kind, flags } = operation;
  if (object !== 'table' || kind !== OperationKind.alter || from.partitioning !== null) return false;
  if (flags.some((flag) => flag.kind === FlagKind.dropsData)) return false;
  const keys = from.foreignKeys.map((key) => `DROP CONSTRAINT ${name(key.name)}`);
  return [...inOrder([operation]), ...inReverse([operation])].every(
    (statement) => !/\bFOREIGN KEY\b/.test(statement) && !keys.some((key) => statement.endsWith(key)),
  );
}

/**
 * Makes an empty temporary copy of a table, alters it there and back, and takes all of that back again. Instant is what
 * neither writes the table or an index anew nor looks at the rows, either way: the server says so itself, and the files
 * of the copy stay the same.
 */
async function isInstant(session: Session, table: Table, operation: Operation): Promise<boolean> {
  const heard: string[] = [];
  const deafen = session.onNotice((message) => heard.push(message));
  await session.execute(
    `BEGIN; SET LOCAL search_path = pg_temp, ${name(session.schema)}; SET LOCAL client_min_messages = debug1; ` +
      "SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = '10s'",
  );
  try {
    for (const statement of emptyCopy(table)) await session.execute(statement);
    // Whoever stands between and keeps the server's messages to himself would make everything look instant.
    if (!heard.some(isWork)) return false;
    const before = await files(session, table.name);
    heard.length = 0;
    for (const statement of [...inOrder([operation]), ...inReverse([operation])]) await session.execute(statement);
    return !heard.some(isWork) && (await files(session, table.name)) === before;
  } catch (error) {
    // What cannot be tried, because of what else the change makes or what the table is bound to, is no instant change.
    if (!(error instanceof ServerError) || error.fatal) throw error;
    return false;
  } finally {
    deafen();
    await session.execute('ROLLBACK');
  }
}

function emptyCopy(table: Table): string[] {
  const alone = { ...table, foreignKeys: [] };
  const { main, last } = createTable(alone);
  // A bare table may have no index to be built, and then the server would say nothing.
  const control = `${table.name.slice(0, 40)} control`;
  return [...main, ...last, createBareTable({ ...alone, ...bare }, control), `CREATE INDEX ON ${name(control)} ((1))`];
}

const bare = { columns: [], primaryKey: null, checks: [], options: {}, partitioning: null } as const;

/** What the server says when it does more than change its catalog; in English whatever its language is. */
function isWork(message: string): boolean {
  return (
    /^((rewriting|verifying) table|validating foreign key)/.test(message) ||
    /^building index "(?!pg_toast)/.test(message)
  );
}

/** The files of a table and its indexes. */
async function files(session: Session, table: string): Promise<string> {
  const [row] = await session.query(
    `SELECT string_agg(c.oid || ':' || c.relfilenode, ' ' ORDER BY c.oid) AS files FROM pg_class c
     WHERE c.oid = to_regclass($1) OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass($1))`,
    [`pg_temp.${name(table)}`],
  );
  return text(row!.files);
}
