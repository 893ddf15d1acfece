import type { BodyContext, Routine, Sequence, Trigger, View } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/mysql/quote';
import { byTable, text, type Lookup } from './rows';
import type { Row, Session } from './session';

/** The triggers of all tables of the session's schema, in the order in which they fire. */
export async function triggersOf(session: Session): Promise<Lookup<Trigger>> {
  const rows = await session.query(
    `SELECT event_object_table AS table_name, trigger_name AS name, action_timing AS timing, event_manipulation AS event,
       action_statement AS body, definer AS definer, sql_mode AS sql_mode, character_set_client AS charset,
       collation_connection AS collation
     FROM information_schema.triggers WHERE trigger_schema = database()
     ORDER BY event_object_table, action_timing, event_manipulation, action_order`,
  );
  return byTable(rows, (row) => ({
    name: text(row.name),
    definition: `${text(row.timing)} ${text(row.event)} FOR EACH ROW ${text(row.body)}`,
    context: contextOf(row),
    enabled: '',
    comment: '',
  }));
}

/** The views of the session's schema, by name. */
export async function viewsOf(session: Session): Promise<readonly View[]> {
  const views = await session.query(
    `SELECT table_name AS name, security_type AS security, check_option AS check_option
     FROM information_schema.views WHERE table_schema = database() ORDER BY CAST(table_name AS BINARY)`,
  );
  const tables = await session.query(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database()',
  );
  const known = tables.map((row) => text(row.name));
  return await Promise.all(views.map(async (view) => await viewOf(session, view, known)));
}

async function viewOf(session: Session, view: Row, known: readonly string[]): Promise<View> {
  const own = text(view.name);
  const [made] = await session.query(`SHOW CREATE VIEW ${name(own)}`);
  const statement = text(made!['Create View']);
  // Of the view's own schema the server prints no name, so the query also fits a branch's schema.
  const [, algorithm, rest] = /ALGORITHM=(\w+)[\s\S]*? VIEW ([\s\S]*)$/.exec(statement)!;
  const query = rest!.slice(name(own).length).replace(/^\s*(\([^)]*\)\s*)?AS\s/i, '');
  const checked = /\s+WITH (CASCADED|LOCAL) CHECK OPTION$/i.exec(query)?.[0] ?? '';
  const columns = await session.query(
    `SELECT column_name AS name FROM information_schema.columns
     WHERE table_schema = database() AND table_name = ? ORDER BY ordinal_position`,
    [own],
  );
  return {
    name: own,
    materialized: false,
    query: query.slice(0, query.length - checked.length),
    columns: columns.map((row) => text(row.name)),
    options: [`ALGORITHM=${algorithm!}`, `SQL SECURITY ${text(view.security)}`, ...(checked ? [checked.trim()] : [])],
    reads: known.filter((table) => table !== own && query.includes(name(table))).toSorted(),
    comment: '',
  };
}

/** The functions and procedures of the session's schema, by name. */
export async function routinesOf(session: Session): Promise<readonly Routine[]> {
  const rows = await session.query(
    `SELECT routine_name AS name, routine_type AS kind, routine_comment AS comment, definer AS definer,
       sql_mode AS sql_mode, character_set_client AS charset, collation_connection AS collation
     FROM information_schema.routines WHERE routine_schema = database() AND routine_type IN ('FUNCTION', 'PROCEDURE')
     ORDER BY CAST(routine_name AS BINARY), routine_type`,
  );
  return await Promise.all(
    rows.map(async (row) => {
      const kind = text(row.kind);
      const [made] = await session.query(`SHOW CREATE ${kind} ${name(text(row.name))}`);
      const statement = text(made![kind === 'FUNCTION' ? 'Create Function' : 'Create Procedure']);
      return {
        name: text(row.name),
        kind: kind === 'FUNCTION' ? ('function' as const) : ('procedure' as const),
        reads: [],
        definition: statement.replace(/^CREATE DEFINER=(?:`(?:[^`]|``)*`|\S+?)@(?:`(?:[^`]|``)*`|\S+) /, 'CREATE '),
        context: contextOf(row),
        comment: text(row.comment),
      };
    }),
  );
}

/** The events of the session's schema, as people call them. */
export async function eventsOf(session: Session): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT event_name AS name FROM information_schema.events WHERE event_schema = database()
     ORDER BY CAST(event_name AS BINARY)`,
  );
  return rows.map((row) => `event ${text(row.name)}`);
}

/** MariaDB's sequences, by name. */
export async function sequencesOf(session: Session): Promise<readonly Sequence[]> {
  const rows = await session.query(
    `SELECT table_name AS name, table_comment AS comment FROM information_schema.tables
     WHERE table_schema = database() AND table_type = 'SEQUENCE' ORDER BY CAST(table_name AS BINARY)`,
  );
  return await Promise.all(
    rows.map(async (row) => {
      const [set] = await session.query(`SELECT * FROM ${name(text(row.name))}`);
      return {
        name: text(row.name),
        options: {
          type: 'bigint',
          start: text(set!.start_value),
          increment: text(set!.increment),
          min: text(set!.minimum_value),
          max: text(set!.maximum_value),
          cache: text(set!.cache_size),
          cycle: Number(set!.cycle_option) === 1,
        },
        ownedBy: null,
        comment: text(row.comment),
      };
    }),
  );
}

function contextOf(row: Row): BodyContext {
  return {
    definer: text(row.definer),
    sqlMode: text(row.sql_mode),
    charset: text(row.charset),
    collation: text(row.collation),
  };
}
