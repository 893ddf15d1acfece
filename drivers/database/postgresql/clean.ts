import type { PlannedChange } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import { patiently } from './engine-session';
import { guardsOf } from './guards';
import { isNeededByTables } from './members';
import { asideName, isOwnTrigger, type Side } from './names';
import type { Point } from './points';
import { text } from './rows';
import { ServerError, type Session } from './session';
import { shadowsOf } from './shadows';
import { changeOfComment, removeState } from './state';

/**
 * Removes everything of a change but what is live. Each step is a transaction of its own, and any of them may be repeated.
 * @param gone the side that nobody wants any more.
 */
export async function removeChange(
  session: Session,
  change: PlannedChange,
  gone: Side,
  point: Point,
  signal: AbortSignal,
): Promise<void> {
  const tables = change.operations.filter(({ object }) => object === 'table').map((operation) => operation.name);
  for (const table of tables) {
    await point('clean.triggers');
    await dropOwnTriggers(session, table, signal);
  }
  for (const table of tables) {
    await point('clean.table');
    await dropAside(session, change, asideName(table, gone), signal);
  }
  await point('clean.helpers');
  await patiently(
    session,
    async () => {
      for (const { forward, back } of shadowsOf(change, session.schema))
        for (const { log, refused, note } of [forward, back])
          await session.execute(`DROP TABLE IF EXISTS ${log}, ${refused}; DROP FUNCTION IF EXISTS ${note}()`);
      for (const guard of guardsOf(change.id)) await session.execute(`DROP FUNCTION IF EXISTS ${guard}()`);
    },
    signal,
  );
  await point('clean.types');
  await dropUnneeded(session, change, gone, signal);
  await point('clean.state');
  await removeState(session, change.id);
  await point('clean.done');
}

async function dropOwnTriggers(session: Session, table: string, signal: AbortSignal): Promise<void> {
  const rows = await session.query(
    'SELECT tgname AS name FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal',
    [name(table)],
  );
  const own = rows.map((row) => text(row.name)).filter(isOwnTrigger);
  if (own.length === 0) return;
  await patiently(
    session,
    async () => {
      await session.execute(
        own.map((trigger) => `DROP TRIGGER IF EXISTS ${name(trigger)} ON ${name(table)}`).join('; '),
      );
    },
    signal,
  );
}

/** Drops a table that is put aside, when it is really ours to drop. */
async function dropAside(session: Session, change: PlannedChange, aside: string, signal: AbortSignal): Promise<void> {
  const [row] = await session.query("SELECT obj_description(to_regclass($1), 'pg_class') AS comment", [name(aside)]);
  if (changeOfComment(text(row!.comment)) !== change.id) return;
  await patiently(
    session,
    async () => {
      await session.execute(`DROP TABLE IF EXISTS ${name(aside)}`);
    },
    signal,
  );
}

/** Types, sequences and routines that no schema has any more: what was made for the new one, or what only the old had. */
async function dropUnneeded(session: Session, change: PlannedChange, gone: Side, signal: AbortSignal): Promise<void> {
  const kind = gone === 'new' ? 'CREATE' : 'DROP';
  const operations = change.operations.filter((each) => isNeededByTables(each) && each.kind === kind);
  // Operations that drop stand in the order in which things can go.
  for (const operation of gone === 'new' ? operations.toReversed() : operations) {
    const { first, main } = gone === 'new' ? operation.reverse : operation.ddl;
    for (const statement of [...first, ...main])
      try {
        await patiently(session, async () => void (await session.execute(statement)), signal);
      } catch (error) {
        // Gone already, by whoever did this before.
        if (!(error instanceof ServerError) || !['42704', '42P01', '42883'].includes(error.sqlState)) throw error;
      }
  }
}
