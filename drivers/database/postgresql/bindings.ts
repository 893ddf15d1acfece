import { literal } from '../../../domain/schema/postgresql/quote';
import type { Member } from './members';
import { nullable, text } from './rows';
import type { Row, Session } from './session';

/** What binds to a live table and would stay with it when another takes its name. Names as SQL has them. */
export interface Bindings {
  /** Foreign keys of others that refer to it. */
  readonly referrers: readonly Referrer[];
  /** Views that read it themselves. */
  readonly views: readonly BoundView[];
  readonly publications: readonly Publication[];
}

export interface Referrer {
  /** Qualified. */
  readonly table: string;
  /** Bare and unquoted; null for a table of another schema. */
  readonly own: string | null;
  readonly constraint: string;
  readonly name: string;
  readonly definition: string;
  readonly validated: boolean;
}

export interface BoundView {
  /** Qualified. */
  readonly view: string;
  /** Bare and unquoted; null for a view of another schema. */
  readonly own: string | null;
  readonly oid: string;
  /** What makes it again, reading whatever has the names then. */
  readonly definition: string;
}

export interface Publication {
  readonly name: string;
  readonly columns: readonly string[] | null;
  readonly condition: string | null;
}

/** Reads what binds to the live table of a member. */
export async function bindingsOf(session: Session, { table }: Member): Promise<Bindings> {
  const oid = `(quote_ident(current_schema()) || '.' || quote_ident(${literal(table.name)}))::regclass`;
  return {
    referrers: (
      await session.query(
        `SELECT format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(k.conname) AS constraint, k.conname AS name,
           CASE WHEN n.nspname = current_schema() THEN c.relname END AS own, k.convalidated AS validated,
           pg_get_constraintdef(k.oid, true) AS definition
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE k.confrelid = ${oid} AND k.conrelid <> k.confrelid AND k.contype = 'f' AND k.conparentid = 0
         ORDER BY 1, 2`,
      )
    ).map(referrerOf),
    views: (
      await session.query(
        `SELECT v.oid::text, format('%I.%I', n.nspname, v.relname) AS view,
           CASE WHEN n.nspname = current_schema() THEN v.relname END AS own,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = v.oid AND a.attnum > 0) AS columns,
           array_to_string(v.reloptions, ', ') AS options, pg_get_viewdef(v.oid, true) AS query
         FROM (SELECT DISTINCT w.ev_class FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
           WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ${oid}) r
         JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' JOIN pg_namespace n ON n.oid = v.relnamespace
         ORDER BY 2`,
      )
    ).map(viewOf),
    publications: (
      await session.query(
        `SELECT quote_ident(p.pubname) AS name, pg_get_expr(r.prqual, r.prrelid) AS condition,
           (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) AS columns
         FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = ${oid} ORDER BY 1`,
      )
    ).map((row) => ({
      name: text(row.name),
      columns: (row.columns as string[] | null) ?? null,
      condition: nullable(row.condition),
    })),
  };
}

function referrerOf(row: Row): Referrer {
  return {
    ...{ table: text(row.table), own: nullable(row.own), constraint: text(row.constraint), name: text(row.name) },
    ...{ definition: text(row.definition), validated: row.validated === true },
  };
}

function viewOf(row: Row): BoundView {
  const options = text(row.options) === '' ? '' : ` WITH (${text(row.options)})`;
  const query = text(row.query).trim().replace(/;$/, '');
  return {
    ...{ view: text(row.view), own: nullable(row.own), oid: text(row.oid) },
    definition: `CREATE OR REPLACE VIEW ${text(row.view)} (${text(row.columns)})${options} AS ${query}`,
  };
}
