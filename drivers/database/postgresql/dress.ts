import { columnOf } from '../../../domain/schema/model';
import { literal, name } from '../../../domain/schema/postgresql/quote';
import type { Member } from './members';
import { asideName } from './names';
import { text } from './rows';
import type { Session } from './session';
import { newNameOf } from '../../../domain/schema/key';

/**
 * Gives a table that is to come in what the live one has and no schema tells: its owner, who may do what, how it is
 * clustered, replicated and counted. Only the table that nobody uses yet is locked.
 */
export async function dress(session: Session, leaving: Member, coming: Member): Promise<void> {
  const live = name(leaving.table.name);
  const next = name(coming.aside);
  const renamed = columnNames(leaving, coming);
  const statements = [
    ...(await ownerOf(session, live, next)),
    ...(await grantsOf(session, live, next, renamed)),
    ...(await sequenceGrants(session, live, next, renamed)),
    ...(await settingsOf(session, live, next, coming)),
  ];
  if (statements.length > 0) await session.execute(statements.join(';\n'));
  await createStatistics(session, live, coming, renamed);
}

/** What the columns of the live side are called on the other, or null. */
function columnNames(leaving: Member, coming: Member): (column: string) => string | null {
  const { shadow } = leaving.shadow!;
  return (column) => {
    const other =
      leaving.side === 'old'
        ? newNameOf(shadow, column)
        : (shadow.from.columns.find((old) => newNameOf(shadow, old.name) === column)?.name ?? '');
    return columnOf(coming.table, other)?.name ?? null;
  };
}

async function ownerOf(session: Session, live: string, next: string): Promise<string[]> {
  const [row] = await session.query(
    `SELECT o.relowner <> n.relowner AS differs, quote_ident(pg_get_userbyid(o.relowner)) AS owner
     FROM pg_class o, pg_class n WHERE o.oid = $1::regclass AND n.oid = $2::regclass`,
    [live, next],
  );
  return row!.differs === true ? [`ALTER TABLE ${next} OWNER TO ${text(row!.owner)}`] : [];
}

const grantee = `CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END`;
const grantable = `CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END`;

/** Statements that make the rights of one relation those of another. */
async function aclOf(session: Session, kind: 'TABLE' | 'SEQUENCE', live: string, next: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT 'REVOKE ALL ON ${kind} ' || $2 || ' FROM ' || string_agg(DISTINCT ${grantee}, ', ') AS statement, 1 AS n
     FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) g
     WHERE c.oid = $2::regclass HAVING count(*) > 0
     UNION ALL SELECT 'GRANT ' || g.privilege_type || ' ON ${kind} ' || $2 || ' TO ' || ${grantee} || ${grantable}, 2
     FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) g
     WHERE c.oid = $1::regclass ORDER BY n`,
    [live, next],
  );
  const [same] = await session.query(
    `SELECT (SELECT relacl::text FROM pg_class WHERE oid = $1::regclass) IS NOT DISTINCT FROM
       (SELECT relacl::text FROM pg_class WHERE oid = $2::regclass) AS same`,
    [live, next],
  );
  return same!.same === true ? [] : rows.map((row) => text(row.statement));
}

async function grantsOf(
  session: Session,
  live: string,
  next: string,
  renamed: (column: string) => string | null,
): Promise<string[]> {
  const columns = await session.query(
    `SELECT a.attname AS column, g.privilege_type AS privilege, ${grantee} AS grantee, ${grantable} AS grantable
     FROM pg_attribute a, aclexplode(a.attacl) g WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped`,
    [live],
  );
  return [
    ...(await aclOf(session, 'TABLE', live, next)),
    ...columns.flatMap((row) => {
      const column = renamed(text(row.column));
      const to = `${text(row.grantee)}${text(row.grantable)}`;
      return column === null ? [] : [`GRANT ${text(row.privilege)} (${name(column)}) ON ${next} TO ${to}`];
    }),
  ];
}

/** The rights on sequences of columns: identity ones are made anew with their table. */
async function sequenceGrants(
  session: Session,
  live: string,
  next: string,
  renamed: (column: string) => string | null,
): Promise<string[]> {
  const sequences = async (table: string): Promise<ReadonlyMap<string, string>> =>
    new Map(
      (
        await session.query(
          `SELECT a.attname AS column, d.objid::regclass::text AS sequence FROM pg_depend d
           JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_attribute a ON a.attrelid = d.refobjid
             AND a.attnum = d.refobjsubid
           WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::regclass
             AND d.deptype IN ('a', 'i')`,
          [table],
        )
      ).map((row) => [text(row.column), text(row.sequence)]),
    );
  const [old, fresh] = [await sequences(live), await sequences(next)];
  const statements: string[] = [];
  for (const [column, sequence] of old) {
    const other = fresh.get(renamed(column) ?? '');
    if (other !== undefined) statements.push(...(await aclOf(session, 'SEQUENCE', sequence, other)));
  }
  return statements;
}

/** Storage of what is stored apart, and the order of CLUSTER. */
async function settingsOf(session: Session, live: string, next: string, coming: Member): Promise<string[]> {
  const rows = await session.query(
    `SELECT c.relname AS index FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1::regclass AND i.indisclustered`,
    [live],
  );
  const toast = await session.query(
    `SELECT unnest(t.reloptions) AS option FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
     WHERE c.oid = $1::regclass AND t.reloptions IS NOT NULL`,
    [live],
  );
  const { primaryKey, uniques, indexes } = coming.table;
  const known = new Set([...(primaryKey ? [primaryKey] : []), ...uniques, ...indexes].map((each) => each.name));
  return [
    ...rows.flatMap((row) => {
      const index = name(asideName(text(row.index), coming.side));
      if (!known.has(text(row.index))) return [];
      return [`ALTER TABLE ${next} CLUSTER ON ${index}`];
    }),
    ...toast.map((row) => {
      const [key, value] = text(row.option).split('=') as [string, string];
      return `ALTER TABLE ${next} SET (toast.${key} = ${literal(value)})`;
    }),
  ];
}

/** Statistics over several columns, for those columns that the other side has. */
async function createStatistics(
  session: Session,
  live: string,
  coming: Member,
  renamed: (column: string) => string | null,
): Promise<void> {
  const rows = await session.query(
    `SELECT s.stxname AS name, s.stxstattarget AS target, s.stxkind::text[] AS kinds, s.stxexprs IS NOT NULL AS expressions,
       pg_get_statisticsobjdef_columns(s.oid) AS columns, obj_description(s.oid, 'pg_statistic_ext') AS comment,
       (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(s.stxkeys::int[]) WITH ORDINALITY k (attnum, n)
        JOIN pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.attnum) AS names
     FROM pg_statistic_ext s WHERE s.stxrelid = $1::regclass`,
    [live],
  );
  const words: Readonly<Record<string, string>> = { d: 'ndistinct', f: 'dependencies', m: 'mcv' };
  for (const row of rows) {
    const names = ((row.names as string[] | null) ?? []).map(renamed);
    if (names.includes(null)) continue;
    const own = name(asideName(text(row.name), coming.side));
    const kinds = (row.kinds as string[]).flatMap((kind) => words[kind] ?? []);
    const columns = row.expressions === true ? text(row.columns) : (names as string[]).map(name).join(', ');
    const single = row.expressions === true && !columns.includes(',');
    await session.execute(
      `CREATE STATISTICS IF NOT EXISTS ${own} ${single ? '' : `(${kinds.join(', ')}) `}ON ${columns} FROM ${name(coming.aside)}` +
        (Number(row.target) >= 0 ? `; ALTER STATISTICS ${own} SET STATISTICS ${Number(row.target)}` : '') +
        (row.comment === null ? '' : `; COMMENT ON STATISTICS ${own} IS ${literal(text(row.comment))}`),
    );
  }
}
