import { name } from '../../../domain/schema/postgresql/quote';
import type { Flow } from '../../../domain/schema/sides';
import type { Member } from './members';
import { asideName } from './names';
import { text } from './rows';
import type { Session } from './session';
import { stateTable } from './state';

/** Something that has a name of its own in the schema and lives with a table: an identity's sequence, statistics. */
export interface Satellite {
  readonly kind: 'SEQUENCE' | 'STATISTICS';
  readonly oid: string;
  readonly name: string;
}

/** What lives with a relation of the session's schema; nothing when it is not there. */
export async function satellitesOf(session: Session, relation: string): Promise<readonly Satellite[]> {
  const rows = await session.query(
    `SELECT 'SEQUENCE' AS kind, c.oid::text, c.relname AS name FROM pg_depend d
     JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid = to_regclass($1) AND d.deptype = 'i'
     UNION ALL SELECT 'STATISTICS', s.oid::text, s.stxname FROM pg_statistic_ext s WHERE s.stxrelid = to_regclass($1)
     ORDER BY 1, 3`,
    [name(relation)],
  );
  return rows.map((row) => ({
    kind: text(row.kind) as Satellite['kind'],
    ...{ oid: text(row.oid), name: text(row.name) },
  }));
}

/** The names that things of ours have while their table is live, by object id; a name that was cut tells it no more. */
export async function liveNames(session: Session, changeId: string): Promise<Readonly<Record<string, string>>> {
  const [row] = await session.query(`SELECT names FROM ${stateTable(changeId)} WHERE id = 1`);
  return row!.names as Record<string, string>;
}

/** Keeps such names. */
export async function rememberNames(
  session: Session,
  changeId: string,
  names: Readonly<Record<string, string>>,
): Promise<void> {
  await session.execute(`UPDATE ${stateTable(changeId)} SET names = names || $1::jsonb WHERE id = 1`, [
    JSON.stringify(names),
  ]);
}

/** Statements that give what lives with a table that leaves other names. */
export function putAside(satellites: readonly Satellite[], { side }: Member): string[] {
  return satellites.map((each) => renamed(each, asideName(each.name, side)));
}

/** Statements that give what lives with a table that comes its names. */
export function bringIn(satellites: readonly Satellite[], names: Readonly<Record<string, string>>): string[] {
  return satellites.flatMap((each) => (names[each.oid] === undefined ? [] : [renamed(each, names[each.oid]!)]));
}

function renamed({ kind, name: own }: Satellite, to: string): string {
  return own === to ? '' : `ALTER ${kind} ${name(own)} RENAME TO ${name(to)}`;
}

/** What has to be done for the numbers that columns give their rows. */
export interface Numbering {
  /** While both tables have the names that they had: the numbers go on where they are. */
  readonly before: readonly string[];
  /** Once the tables have their new names: a sequence that both use ends with the live one. */
  readonly after: readonly string[];
}

/** The sequences of the columns that both sides have. */
export async function numberingOf(session: Session, flow: Flow, leaving: Member, coming: Member): Promise<Numbering> {
  const [live, next] = [name(leaving.table.name), name(coming.aside)];
  const before: string[] = [];
  const after: string[] = [];
  const [sources, targets] = [await sequencesOf(session, live), await sequencesOf(session, next)];
  for (const { source, target } of flow.carried) {
    const [from, to] = [sources.get(source.name), targets.get(target.name)];
    if (to === undefined) continue;
    if (from === undefined) {
      const column = name(source.name);
      before.push(
        `SELECT setval('${quoted(to.sequence)}', max(${column})) FROM ${live} HAVING max(${column}) IS NOT NULL`,
      );
    } else if (from.oid !== to.oid)
      before.push(`SELECT setval('${quoted(to.sequence)}', last_value, is_called) FROM ${from.sequence}`);
    else if (from.owned) after.push(`ALTER SEQUENCE ${from.sequence} OWNED BY ${live}.${name(target.name)}`);
  }
  return { before, after };
}

function quoted(sequence: string): string {
  return sequence.replaceAll("'", "''");
}

interface ColumnSequence {
  readonly oid: string;
  readonly sequence: string;
  readonly owned: boolean;
}

/** The sequences that number a table's rows, by column. */
async function sequencesOf(session: Session, relation: string): Promise<ReadonlyMap<string, ColumnSequence>> {
  const rows = await session.query(
    `SELECT a.attname AS column, s.oid::text, s.oid::regclass::text AS sequence, bool_or(d.deptype = 'a') AS owned
     FROM pg_attribute a LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
     JOIN pg_depend d ON (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
         AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i'))
       OR (d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass)
     JOIN pg_class s ON s.oid IN (d.objid, d.refobjid) AND s.relkind = 'S'
     WHERE a.attrelid = $1::regclass AND a.attnum > 0 GROUP BY a.attname, s.oid`,
    [relation],
  );
  return new Map(
    rows.map((row) => [
      text(row.column),
      { oid: text(row.oid), sequence: text(row.sequence), owned: row.owned === true },
    ]),
  );
}
