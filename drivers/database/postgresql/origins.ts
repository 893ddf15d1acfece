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
  // One key may be written in more than one way, as 1.0 and 1.00: here it always is as it was written somewhere first.
  const as = (letter: 'k' | 'o'): string => keyParts(flow, letter).join(', ');
  const joined = (alias: string, letter: 'k' | 'o'): string =>
    now.map((part, i) => `${alias}.${part} = note.${keyParts(flow, letter)[i]!}`).join(' AND ');
  // Each is joined with all the others here, and not with one row of a large table.
  await session.execute('SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on');
  const notes = await session.query(
    `WITH written AS (SELECT DISTINCT ${as('k')} FROM (SELECT ${as('k')} FROM gw_notes${suffix} ` +
      `UNION ALL SELECT ${as('o')} FROM gw_notes${suffix}) AS every WHERE ${now[0]!} IS NOT NULL) ` +
      `SELECT op, ${array(now.map((part) => `a.${part}`))}::text AS key, ` +
      `CASE op WHEN 'm' THEN ${array(now.map((part) => `b.${part}`))}::text END AS "from", statement ` +
      `FROM gw_notes${suffix} note JOIN written a ON ${joined('a', 'k')} LEFT JOIN written b ON ${joined('b', 'o')} ` +
      `WHERE op IN ('i', 'm') ORDER BY note.n`,
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
  await session.execute('SET LOCAL enable_hashjoin = off; SET LOCAL enable_seqscan = off');
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
