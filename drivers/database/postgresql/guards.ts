import { literal } from '../../../domain/schema/postgresql/quote';
import { ownName } from './names';
import { own } from './state';

/** Statements that make the functions of the triggers that guard the two sides of a change from late writers. */
export function createGuards(changeId: string): string[] {
  const trigger = (kind: string, body: string): string =>
    `CREATE FUNCTION ${own(ownName(kind, changeId))}() RETURNS trigger LANGUAGE plpgsql ` +
    `SET search_path = pg_catalog, pg_temp AS ${literal(body)}`;
  return [
    // A snapshot from before the swap shows an empty table: what it does not see it would pass over without a word.
    trigger(
      'fence',
      `BEGIN IF NOT pg_visible_in_snapshot(TG_ARGV[0]::xid8, pg_current_snapshot()) THEN ` +
        `RAISE EXCEPTION 'the table was replaced after this transaction began: try it again' USING ERRCODE = '40001'; ` +
        `END IF; RETURN NULL; END`,
    ),
    trigger(
      'block',
      `BEGIN IF current_setting('gatewright.applier', true) IS DISTINCT FROM 'on' THEN ` +
        `RAISE EXCEPTION 'this table was replaced by a schema change' USING ERRCODE = '55000'; END IF; RETURN NULL; END`,
    ),
  ];
}

/** The functions of a change, as SQL has them. */
export function guardsOf(changeId: string): string[] {
  return ['fence', 'block'].map((kind) => own(ownName(kind, changeId)));
}
