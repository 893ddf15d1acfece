import { literal, name } from '../../../domain/schema/postgresql/quote';
import { TriggerName } from './names';
import type { Session } from './session';
import type { Route } from './shadows';
import { keyColumns, keyParts, ownParts, of } from './sql';

/** The tables that the two ends of a route are while it is made: before the first swap the new side is not live. */
export interface Ends {
  readonly source: string;
  readonly target: string;
}

/**
 * Makes the log of a route, where refused rows are noted, and the function that writes the log. Both sides must be there
 * already: columns take their types and collations from them.
 */
export async function createLog(session: Session, route: Route, { source, target }: Ends): Promise<void> {
  const { flow, log, refused } = route;
  const keys = named(keyColumns(flow, 'source', 's'), keyParts(flow));
  const before = named(keyColumns(flow, 'source', 's'), keyParts(flow, 'o'));
  const kept = named(
    flow.own.map((column) => of('t', column.name)),
    ownParts(flow),
  );
  // The primary keys are for publications of all tables, which let nothing be deleted from tables without one.
  await session.execute(
    `CREATE TABLE ${log} AS SELECT NULL::"char" AS op, ${[...keys, ...before].join(', ')}, ` +
      `NULL::text AS statement FROM ${source} s WITH NO DATA; ` +
      `ALTER TABLE ${log} ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY; ` +
      // What is read is deleted at once, and what is deleted must not be read past every time.
      `ALTER TABLE ${log} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, ` +
      `autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off)`,
  );
  await session.execute(
    `CREATE TABLE ${refused} AS SELECT ''::text AS code, ''::text AS message, false AS kept, ` +
      `${[...keys, ...kept].join(', ')} FROM ${source} s, ${target} t WITH NO DATA; ` +
      `ALTER TABLE ${refused} ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY`,
  );
  await session.execute(createNoteFunction(route));
}

function named(expressions: readonly string[], names: readonly string[]): string[] {
  return expressions.map((expression, i) => `${expression} AS ${names[i]!}`);
}

/**
 * Notes a change of a row by its key, with the rights of whoever made this, whatever users' sessions are set to. A key
 * that moves is one note, so that what the other side has for itself moves along.
 */
function createNoteFunction({ flow, log, note }: Route): string {
  const [now, before] = [keyParts(flow), keyParts(flow, 'o')];
  const [fresh, old] = [keyColumns(flow, 'source', 'NEW').join(', '), keyColumns(flow, 'source', 'OLD').join(', ')];
  const [parts, both] = [now.join(', '), [...now, ...before].join(', ')];
  const body =
    `BEGIN IF TG_OP = 'TRUNCATE' THEN INSERT INTO ${log} (op) VALUES ('t'); ` +
    `ELSIF TG_OP = 'INSERT' THEN INSERT INTO ${log} (op, ${parts}) VALUES ('i', ${fresh}); ` +
    `ELSIF TG_OP = 'DELETE' THEN INSERT INTO ${log} (op, ${parts}) VALUES ('d', ${old}); ` +
    `ELSIF (${old}) IS DISTINCT FROM (${fresh}) THEN INSERT INTO ${log} (op, ${both}, statement) ` +
    // Which statement it was tells keys that are swapped with each other from one that moves twice.
    `VALUES ('m', ${fresh}, ${old}, pg_current_xact_id()::text || ':' || NEW.cmin::text); ` +
    `ELSE INSERT INTO ${log} (op, ${parts}) VALUES ('u', ${fresh}); END IF; RETURN NULL; END`;
  return (
    `CREATE OR REPLACE FUNCTION ${note}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER ` +
    `SET search_path = pg_catalog, pg_temp AS ${literal(body)}`
  );
}

/** What makes the triggers that note changes on the live side. They fire whatever session_replication_role says. */
export function createLogTriggers({ live, note }: Route): string[] {
  const [log, truncate] = [name(TriggerName.log), name(TriggerName.truncate)];
  return [
    `CREATE TRIGGER ${log} AFTER INSERT OR UPDATE OR DELETE ON ${live} FOR EACH ROW EXECUTE FUNCTION ${note}()`,
    `CREATE TRIGGER ${truncate} AFTER TRUNCATE ON ${live} FOR EACH STATEMENT EXECUTE FUNCTION ${note}()`,
    `ALTER TABLE ${live} ENABLE ALWAYS TRIGGER ${log}, ENABLE ALWAYS TRIGGER ${truncate}`,
  ];
}
