import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/mysql/quote';
import { columnOf, tableOf, type ForeignKey, type SchemaModel, type Table } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { patiently, SILENT } from './engine-session';
import { shadowsOf, type ShadowTables } from './helpers';
import { helper, helperNames } from './names';
import type { Point } from './points';
import type { Session } from './session';
import { bytes, keyParts } from './sql';

/** What a foreign key does to rows by itself fires no trigger on them. */
export function acts({ onDelete, onUpdate }: ForeignKey): boolean {
  return [onDelete, onUpdate].some((action) => /^(CASCADE|SET NULL|SET DEFAULT)$/i.test(action));
}

/** The tables between a table and one from whose rows its own may be written, nearest first. */
interface Path {
  readonly keys: readonly ForeignKey[];
}

interface Statement {
  readonly trigger: string;
  readonly sql: string;
}

/**
 * Makes triggers on every table from which rows of a shadow's live side may be written by cascades. They note the keys
 * before it happens: afterwards the rows are not there any more. They read with locks, as the cascade does.
 */
export async function createCascadeTriggers(
  session: Session,
  change: PlannedChange,
  point: Point,
  signal: AbortSignal,
): Promise<void> {
  for (const { sql } of statements(change)) {
    await patiently(session, sql, signal);
    await point('prepare.cascade');
  }
}

export async function dropCascadeTriggers(session: Session, change: PlannedChange, signal: AbortSignal): Promise<void> {
  for (const { trigger } of statements(change))
    await patiently(session, `DROP TRIGGER IF EXISTS ${name(trigger)}`, signal);
}

/** @throws Failure SCHEMA_REFUSED for foreign keys whose cascades cannot be followed. */
export function checkCascades(change: PlannedChange): void {
  statements(change);
}

function statements(change: PlannedChange): Statement[] {
  return shadowsOf(change).flatMap((tables) => {
    const made: Statement[] = [];
    for (const [side, model] of [
      ['old', change.from],
      ['new', change.to],
    ] as const)
      for (const path of pathsFrom(model, tables.shadow.from.name))
        for (const on of sidesOf(change, path.keys.at(-1)!.references.table))
          for (const event of ['d', 'u'] as const) {
            const trigger = helper(tables.names.table, `a${made.length}${event}`);
            made.push({ trigger, sql: triggerOn(on, trigger, event, side, model, tables, path) });
          }
    return made;
  });
}

/** A table that is itself changed has the triggers on both of its sides. */
function sidesOf(change: PlannedChange, table: string): string[] {
  const shadow = change.operations.find((operation) => operation.name === table && operation.shadow !== null);
  return shadow ? [table, helperNames(table).ghost] : [table];
}

function pathsFrom(model: SchemaModel, table: string): Path[] {
  const paths: Path[] = [];
  const follow = (at: Table, keys: readonly ForeignKey[], seen: readonly string[]): void => {
    for (const key of at.foreignKeys.filter(acts)) {
      const parent = key.references.schema === null ? tableOf(model, key.references.table) : null;
      if (parent === null || seen.includes(parent.name))
        throw new Failure(
          'SCHEMA_REFUSED',
          parent === null
            ? `${key.name} of ${at.name} cascades from another schema, where nothing can be noted`
            : `${key.name} of ${at.name} cascades in a ring, which cannot be followed: drop it in a change before this one`,
        );
      paths.push({ keys: [...keys, key] });
      follow(parent, [...keys, key], [...seen, parent.name]);
    }
  };
  const first = tableOf(model, table);
  if (first) follow(first, [], [table]);
  return paths;
}

function triggerOn(
  on: string,
  trigger: string,
  event: 'd' | 'u',
  side: 'old' | 'new',
  model: SchemaModel,
  { names, forward }: ShadowTables,
  { keys }: Path,
): string {
  const key = forward.key.map((pair) => `r0.${name((side === 'old' ? pair.source : pair.target).name)}`);
  // r0 is the table itself; each key leads from one to the next, and the last to the row at hand.
  const tables = keys.map((_, i) => `${name(i === 0 ? names.table : keys[i - 1]!.references.table)} AS r${i}`);
  const joins = keys.flatMap(({ columns, references }, i) =>
    columns.map((column, n) => {
      const parent = i === keys.length - 1 ? 'OLD' : `r${i + 1}`;
      return `r${i}.${name(column)} = ${parent}.${name(references.columns[n]!)}`;
    }),
  );
  const last = keys.at(-1)!.references;
  const moved = last.columns.map((column) => {
    const known = columnOf(tableOf(model, last.table)!, column)!;
    return `${bytes(`OLD.${name(column)}`, known)} <=> ${bytes(`NEW.${name(column)}`, known)}`;
  });
  const condition = event === 'd' ? `${SILENT} IS NULL` : `${SILENT} IS NULL AND NOT (${moved.join(' AND ')})`;
  return (
    `CREATE TRIGGER IF NOT EXISTS ${name(trigger)} BEFORE ${event === 'd' ? 'DELETE' : 'UPDATE'} ON ${name(on)} FOR EACH ROW ` +
    // The columns of the side that is not live may not be there.
    `IF ${condition} THEN BEGIN DECLARE CONTINUE HANDLER FOR 1054 BEGIN END; ` +
    `INSERT INTO ${name(names.log)} (op, ${keyParts(forward).join(', ')}) SELECT 'u', ${key.join(', ')} ` +
    `FROM ${tables.toReversed().join(' STRAIGHT_JOIN ')} WHERE ${joins.join(' AND ')} FOR UPDATE; END; END IF`
  );
}
