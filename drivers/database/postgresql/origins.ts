import type { Session } from './session';
import type { Route } from './shadows';
import { keyParts } from './sql';

interface Note {
  readonly op: 'i' | 'm';
  readonly key: string;
  readonly from: string | null;
  readonly statement: string | null;
}

/**
 * Tells for each key of a batch whose own values it keeps: those that it has, those of the row that moved to it, or, its
 * row being new, nobody's. Notes of one row stand in the order of what happened to it, because whoever changes a row
 * holds its lock; the moves of one statement happened at once.
 */
export async function traceOrigins(session: Session, { flow, suffix }: Route): Promise<void> {
  const [now, before] = [keyParts(flow), keyParts(flow, 'o')];
  const array = (parts: readonly string[]): string => `ARRAY[${parts.map((part) => `${part}::text`).join(', ')}]`;
  const notes = await session.query(
    `SELECT op, ${array(now)}::text AS key, CASE op WHEN 'm' THEN ${array(before)}::text END AS "from", statement ` +
      `FROM gw_notes${suffix} WHERE op IN ('i', 'm') ORDER BY n`,
  );
  const origins = originsOf(notes as unknown as readonly Note[]);
  const cast = (column: string): string[] =>
    flow.key.map(({ source }, i) => `(${column}::text[])[${i + 1}]::${source.type}`);
  const equal = cast('u.key').map((value, i) => `b.${now[i]!} = ${value}`);
  const sets = cast('u.origin').map((value, i) => `${before[i]!} = ${value}`);
  await session.execute(
    `UPDATE gw_keys${suffix} b SET carries = u.origin IS NOT NULL, ${sets.join(', ')} ` +
      `FROM unnest($1::text[], $2::text[]) AS u (key, origin) WHERE ${equal.join(' AND ')}`,
    [[...origins.keys()], [...origins.values()]],
  );
}

/** By key, the key that its row had before the batch, or null for a row that was not there. */
export function originsOf(notes: readonly Note[]): ReadonlyMap<string, string | null> {
  const origins = new Map<string, string | null>();
  for (let i = 0; i < notes.length;) {
    const { statement } = notes[i]!;
    let end = i + 1;
    while (statement !== null && notes[end]?.statement === statement) end++;
    const moves = notes.slice(i, end);
    const before = moves.map(({ from }) => (from === null ? null : origins.has(from) ? origins.get(from)! : from));
    for (const { from } of moves) if (from !== null) origins.set(from, null);
    moves.forEach(({ key }, n) => origins.set(key, before[n]!));
    i = end;
  }
  return origins;
}
