import type { Column, Identity } from '../../../domain/schema/model';
import { byTable, nullable, text, type Lookup, quotedSchema } from './rows';
import type { Row, Session } from './session';

/** The columns of all tables of the session's schema, in their order. */
export async function columnsOf(session: Session): Promise<Lookup<Column>> {
  const rows = await session.query(
    `SELECT a.attrelid::text AS table_oid, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS not_null, pg_get_expr(d.adbin, d.adrelid) AS expression, a.attgenerated AS generated,
       a.attidentity AS identity, coalesce(col_description(a.attrelid, a.attnum), '') AS comment,
       CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation,
       CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END AS storage, a.attcompression AS compression,
       a.attstattarget AS statistics, coalesce(a.attoptions, '{}') AS options,
       s.seqtypid::regtype::text AS sequence_type, s.seqstart::text AS start, s.seqincrement::text AS increment,
       s.seqmin::text AS min, s.seqmax::text AS max, s.seqcache::text AS cache, s.seqcycle AS cycle
     FROM pg_attribute a
     JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')
     JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     LEFT JOIN pg_depend o ON a.attidentity <> '' AND o.refclassid = 'pg_class'::regclass AND o.refobjid = a.attrelid
       AND o.refobjsubid = a.attnum AND o.deptype = 'i' AND o.classid = 'pg_class'::regclass
     LEFT JOIN pg_sequence s ON s.seqrelid = o.objid
     WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`,
    [quotedSchema(session)],
  );
  return byTable(rows, columnOf);
}

const storages: Readonly<Record<string, string>> = { p: 'PLAIN', e: 'EXTERNAL', x: 'EXTENDED', m: 'MAIN' };
const compressions: Readonly<Record<string, string>> = { p: 'pglz', l: 'lz4' };

function columnOf(row: Row): Column {
  const generated = row.generated === 's';
  const [storage, compression] = [storages[text(row.storage)], compressions[text(row.compression)]];
  return {
    name: text(row.name),
    type: text(row.type),
    nullable: row.not_null === false,
    default: generated ? null : nullable(row.expression),
    generated: generated ? { expression: text(row.expression), stored: true } : null,
    identity: identityOf(row),
    onUpdate: null,
    charset: null,
    collation: nullable(row.collation),
    comment: text(row.comment),
    options: [
      ...(storage === undefined ? [] : [`STORAGE ${storage}`]),
      ...(compression === undefined ? [] : [`COMPRESSION ${compression}`]),
      ...(Number(row.statistics) >= 0 ? [`STATISTICS ${text(row.statistics)}`] : []),
      ...(row.options as readonly string[]).map((option) => `(${option})`),
    ],
  };
}

function identityOf(row: Row): Identity | null {
  if (row.identity === '') return null;
  return {
    kind: row.identity === 'a' ? 'always' : 'by_default',
    sequence: {
      type: text(row.sequence_type),
      ...{ start: text(row.start), increment: text(row.increment), min: text(row.min), max: text(row.max) },
      cache: text(row.cache),
      cycle: row.cycle === true,
    },
  };
}
