import type { SchemaChange } from '../../../domain/schema/change';
import { newNameOf, sharedKey } from '../../../domain/schema/key';
import type { LintCode, LintMessage } from '../../../domain/schema/lint-codes';
import { columnOf, tableOf, type Table } from '../../../domain/schema/model';
import { Way, type PlannedChange } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import { same } from '../../../domain/schema/table-change';
import { text } from './rows';
import type { Row, Session } from './session';

/**
 * Everything that binds to the tables of a change and cannot be carried over to the ones that take their places. What is
 * not known to be carried is refused.
 */
export async function lintBindings(session: Session, change: PlannedChange): Promise<LintMessage[]> {
  const messages: LintMessage[] = [];
  const touched = change.from.tables.filter((table) => !same(table, tableOf(change.to, table.name)));
  for (const from of touched) {
    const to = tableOf(change.to, from.name);
    // What binds to a table that stays goes on meaning it.
    const stays = change.operations.some((each) => each.name === from.name && each.way === Way.instant);
    if (stays) messages.push(...(await ofOwner(session, from)));
    else messages.push(...ofKinds(change, from, to), ...(await ofCatalog(session, change, from, to)));
  }
  return messages;
}

/** What the schemas tell. */
function ofKinds({ renames }: SchemaChange, from: Table, to: Table | null): LintMessage[] {
  if (to === null) return [];
  const kinds = [
    ...((from.partitioning ?? to.partitioning) ? ['is partitioned'] : []),
    ...((from.options.UNLOGGED ?? to.options.UNLOGGED) ? ['is UNLOGGED, and empty after a crash'] : []),
  ];
  const key = sharedKey({ dialect: 'postgresql', from, to, renames });
  const changed = 'missing' in key ? [] : key.columns.filter((column) => !isSameKind(from, to, column, { renames }));
  return [
    ...kinds.map((kind) => message('UNSUPPORTED_TABLE', from.name, null, `table ${from.name} ${kind}`)),
    ...changed.map((column) =>
      message('NO_UNIQUE_KEY', from.name, column, `${from.name}.${column} is a key of another kind after the change`),
    ),
  ];
}

/** What a type's values are compared as: numbers of one scale, so that no key is rounded to another on either side. */
function kindOf(type: string): string {
  if (/^(?:smallint|integer|bigint)$/.test(type)) return 'integer';
  if (/^(?:character varying|text)\b/.test(type)) return 'text';
  return type.replace(/^numeric\(\d+,/, 'numeric(');
}

/** Whether every value of a key compares alike on both sides, and no conversion of it fails. */
function isSameKind(from: Table, to: Table, column: string, { renames }: Pick<SchemaChange, 'renames'>): boolean {
  const one = columnOf(from, column)!.type;
  const other = columnOf(to, newNameOf({ from, renames }, column))!.type;
  return one === other || kindOf(one) === kindOf(other);
}

async function ofCatalog(
  session: Session,
  change: SchemaChange,
  from: Table,
  to: Table | null,
): Promise<LintMessage[]> {
  const table = name(from.name);
  const [facts] = await session.query(
    `SELECT EXISTS (SELECT FROM pg_inherits WHERE (inhrelid = c.oid OR inhparent = c.oid) AND c.relkind = 'r') AS inherits,
       row_security_active(c.oid) AS blinded
     FROM pg_class c WHERE c.oid = to_regclass($1)`,
    [table],
  );
  if (facts === undefined) return [];
  const say = (code: LintCode, subject: string | null, sentence: string): LintMessage =>
    message(code, from.name, subject, sentence);
  return [
    ...(facts.inherits === true
      ? [say('UNSUPPORTED_TABLE', null, `table ${from.name} inherits, or is inherited`)]
      : []),
    ...(facts.blinded === true
      ? [
          say(
            'RIGHTS_MISSING',
            null,
            `row security hides rows of ${from.name} from this account (BYPASSRLS is missing)`,
          ),
        ]
      : []),
    ...(await ofOwner(session, from)),
    ...(await subscriptions(session, table)).map((subscription) =>
      say('DEPENDENT_IN_THE_WAY', subscription, `subscription ${subscription} writes to ${from.name}`),
    ),
    ...(await dependents(session, change, table)).map((row) =>
      say(
        row.view === true ? 'VIEW_IN_THE_WAY' : 'DEPENDENT_IN_THE_WAY',
        text(row.what),
        `${text(row.what)} is bound to ${from.name} and cannot be made to mean the table that takes its place`,
      ),
    ),
    ...(await farViews(session, change, from, to)).map((view) =>
      say('VIEW_IN_THE_WAY', view, `view ${view} of another schema reads what the change takes from ${from.name}`),
    ),
    ...(await publications(session, table)).map((publication) =>
      say('PUBLICATION_IN_THE_WAY', publication, `publication ${publication} has all tables`),
    ),
    ...(await neighbours(session, table)).map((row) =>
      say(
        'RIGHTS_MISSING',
        text(row.other),
        `the account is not a member of ${text(row.owner)}, who owns ${text(row.other)}`,
      ),
    ),
  ];
}

async function ofOwner(session: Session, from: Table): Promise<LintMessage[]> {
  const [row] = await session.query(
    `SELECT pg_has_role(relowner, 'USAGE') AS owned, pg_get_userbyid(relowner) AS owner
     FROM pg_class WHERE oid = to_regclass($1)`,
    [name(from.name)],
  );
  if (row === undefined || row.owned === true) return [];
  const sentence = `the account is not a member of ${text(row.owner)}, who owns ${from.name}`;
  return [message('RIGHTS_MISSING', from.name, null, sentence)];
}

/** What writes the rows of another server's table into one knows it by its object id. */
async function subscriptions(session: Session, table: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT s.subname AS name FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
     WHERE r.srrelid = to_regclass($1) ORDER BY 1`,
    [table],
  );
  return rows.map((row) => text(row.name));
}

/** Everything that depends on a table or on its row type, but for what is known to be carried over. */
async function dependents(session: Session, { from, to }: SchemaChange, table: string): Promise<readonly Row[]> {
  const dropped = from.views.filter((view) => !to.views.some((each) => same(each, view))).map((view) => view.name);
  return await session.query(
    `WITH t AS (SELECT c.oid, c.reltype, y.typarray FROM pg_class c JOIN pg_type y ON y.oid = c.reltype WHERE c.oid = to_regclass($1))
     SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS what, coalesce(v.relkind = 'm', false) AS view
     FROM t JOIN pg_depend d ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid)
       OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.reltype, t.typarray))
     LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
     LEFT JOIN pg_class v ON v.oid = w.ev_class
     WHERE d.deptype IN ('n', 'a') AND CASE d.classid
       WHEN 'pg_rewrite'::regclass THEN v.oid = t.oid OR (v.relkind <> 'v' AND NOT v.relname = ANY ($2))
         OR d.refclassid = 'pg_type'::regclass
       WHEN 'pg_constraint'::regclass THEN d.refclassid = 'pg_type'::regclass
       WHEN 'pg_policy'::regclass THEN NOT EXISTS (SELECT FROM pg_policy p WHERE p.oid = d.objid AND p.polrelid = t.oid)
       WHEN 'pg_trigger'::regclass THEN NOT EXISTS (SELECT FROM pg_trigger g WHERE g.oid = d.objid AND t.oid IN (g.tgrelid, g.tgconstrrelid))
       WHEN 'pg_attrdef'::regclass THEN NOT EXISTS (SELECT FROM pg_attrdef f WHERE f.oid = d.objid AND f.adrelid = t.oid)
       WHEN 'pg_class'::regclass THEN d.refclassid = 'pg_type'::regclass
         OR NOT EXISTS (SELECT FROM pg_class x WHERE x.oid = d.objid AND x.relkind IN ('i', 'I', 'S', 't'))
       WHEN 'pg_statistic_ext'::regclass THEN false
       WHEN 'pg_publication_rel'::regclass THEN false
       WHEN 'pg_type'::regclass THEN d.refclassid = 'pg_type'::regclass AND d.objid NOT IN (t.reltype, t.typarray)
       ELSE true END ORDER BY 1`,
    [table, dropped],
  );
}

/** Views of other schemas, which no change of this one makes again, that read columns which go or become others. */
async function farViews(session: Session, { renames }: SchemaChange, from: Table, to: Table | null): Promise<string[]> {
  const changed = from.columns
    .filter((column) => to === null || columnOf(to, column.name)?.type !== column.type)
    .map((column) => column.name);
  const renamed = renames.filter((rename) => rename.table === from.name).map((rename) => rename.from);
  const rows = await session.query(
    `SELECT DISTINCT format('%I.%I', n.nspname, v.relname) AS view FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
     JOIN pg_class v ON v.oid = w.ev_class AND v.relnamespace <> quote_ident(current_schema())::regnamespace
     JOIN pg_namespace n ON n.oid = v.relnamespace
     LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass($1)
       AND ($2 OR a.attname = ANY ($3)) ORDER BY 1`,
    [name(from.name), to === null, [...changed, ...renamed]],
  );
  return rows.map((row) => text(row.view));
}

async function publications(session: Session, table: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT p.pubname AS name FROM pg_publication p WHERE p.puballtables OR EXISTS (SELECT FROM pg_publication_namespace n
       JOIN pg_class c ON c.relnamespace = n.pnnspid WHERE n.pnpubid = p.oid AND c.oid = to_regclass($1)) ORDER BY 1`,
    [table],
  );
  return rows.map((row) => text(row.name));
}

/** Tables, views and publications whose owners' rights a swap needs as well. */
async function neighbours(session: Session, table: string): Promise<readonly Row[]> {
  return await session.query(
    `SELECT c.oid::regclass::text AS other, pg_get_userbyid(c.relowner) AS owner FROM pg_constraint k
     JOIN pg_class c ON c.oid IN (k.conrelid, k.confrelid)
     WHERE k.contype = 'f' AND to_regclass($1) IN (k.conrelid, k.confrelid) AND NOT pg_has_role(c.relowner, 'USAGE')
       AND c.oid <> to_regclass($1)
     UNION SELECT 'publication ' || p.pubname, pg_get_userbyid(p.pubowner) FROM pg_publication_rel r
     JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = to_regclass($1) AND NOT pg_has_role(p.pubowner, 'USAGE')
     UNION SELECT v.oid::regclass::text, pg_get_userbyid(v.relowner) FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
     JOIN pg_class v ON v.oid = w.ev_class AND v.relkind = 'v' WHERE d.classid = 'pg_rewrite'::regclass
       AND d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass($1) AND NOT pg_has_role(v.relowner, 'USAGE')
     ORDER BY 1`,
    [table],
  );
}

/** What the engine's account needs whatever it changes. */
export async function lintAccount(session: Session): Promise<LintMessage[]> {
  const [row] = await session.query(
    `SELECT current_user AS account, has_schema_privilege(current_schema(), 'CREATE') AS schema,
       has_database_privilege(current_database(), 'CREATE') OR coalesce((SELECT has_schema_privilege(oid, 'CREATE')
         FROM pg_namespace WHERE nspname = 'gatewright'), false) AS own,
       pg_has_role('pg_read_all_stats', 'USAGE') AS stats`,
  );
  const lacks = [
    ...(row!.schema === true ? [] : [`CREATE on schema ${session.schema}`]),
    ...(row!.own === true ? [] : ['CREATE on the database, for the schema gatewright']),
    ...(row!.stats === true ? [] : ['membership of pg_read_all_stats, to see whose snapshots are old']),
  ];
  return lacks.map((what) => message('RIGHTS_MISSING', null, what, `the account ${text(row!.account)} lacks ${what}`));
}

function message(code: LintCode, table: string | null, subject: string | null, sentence: string): LintMessage {
  return { code, table, column: null, subject, message: sentence, rows: null };
}
