import type { Check, DomainType, EnumType, Sequence } from '../../../domain/schema/model';
import { nullable, ownedByExtension, text, quotedSchema } from './rows';
import type { Session } from './session';

/** The enums of the session's schema, by name. */
export async function enumsOf(session: Session): Promise<readonly EnumType[]> {
  const rows = await session.query(
    `SELECT t.typname AS name, coalesce(obj_description(t.oid, 'pg_type'), '') AS comment,
       (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS labels
     FROM pg_type t WHERE t.typnamespace = $1::regnamespace AND t.typtype = 'e'
       AND NOT ${ownedByExtension('pg_type', 't.oid')} ORDER BY t.typname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return rows.map((row) => ({
    name: text(row.name),
    values: (row.labels ?? []) as string[],
    comment: text(row.comment),
  }));
}

/** The domains of the session's schema, by name. */
export async function domainsOf(session: Session): Promise<readonly DomainType[]> {
  const rows = await session.query(
    `SELECT t.typname AS name, format_type(t.typbasetype, t.typtypmod) AS type, t.typnotnull AS not_null,
       t.typdefault AS expression, CASE WHEN t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text END
         AS collation, coalesce(obj_description(t.oid, 'pg_type'), '') AS comment,
       coalesce((SELECT json_agg(json_build_object('name', c.conname, 'expression', pg_get_constraintdef(c.oid, true),
           'column', null, 'validated', c.convalidated, 'comment', coalesce(obj_description(c.oid, 'pg_constraint'), ''))
           ORDER BY c.conname COLLATE "C") FROM pg_constraint c WHERE c.contypid = t.oid), '[]') AS checks
     FROM pg_type t JOIN pg_type b ON b.oid = t.typbasetype
     WHERE t.typnamespace = $1::regnamespace AND t.typtype = 'd' AND NOT ${ownedByExtension('pg_type', 't.oid')}
     ORDER BY t.typname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return rows.map((row) => ({
    name: text(row.name),
    type: text(row.type),
    nullable: row.not_null === false,
    default: nullable(row.expression),
    collation: nullable(row.collation),
    checks: row.checks as Check[],
    comment: text(row.comment),
  }));
}

/** The sequences of the session's schema that no identity column has, by name. */
export async function sequencesOf(session: Session): Promise<readonly Sequence[]> {
  const rows = await session.query(
    `SELECT c.relname AS name, s.seqtypid::regtype::text AS type, s.seqstart::text AS start,
       s.seqincrement::text AS increment, s.seqmin::text AS min, s.seqmax::text AS max, s.seqcache::text AS cache,
       s.seqcycle AS cycle, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       t.relname AS owner, a.attname AS owner_column
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
     LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a'
       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
     LEFT JOIN pg_class t ON t.oid = d.refobjid
     LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE c.relnamespace = $1::regnamespace AND NOT ${ownedByExtension('pg_class', 'c.oid')}
       AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_class'::regclass AND i.objid = c.oid
         AND i.deptype = 'i')
     ORDER BY c.relname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return rows.map((row) => ({
    name: text(row.name),
    options: {
      type: text(row.type),
      ...{ start: text(row.start), increment: text(row.increment), min: text(row.min), max: text(row.max) },
      cache: text(row.cache),
      cycle: row.cycle === true,
    },
    ownedBy: row.owner === null ? null : { table: text(row.owner), column: text(row.owner_column) },
    comment: text(row.comment),
  }));
}
