import { text } from './rows';
import type { Session } from './session';

/** Collations by their character sets by which text is equal to itself alone: byte for byte, with every space at its end. */
export type ExactCollations = ReadonlyMap<string, string>;

const known = [
  ...['utf8mb4_nopad_bin', 'utf8mb3_nopad_bin', 'latin1_nopad_bin', 'ascii_nopad_bin'],
  // MySQL's.
  'utf8mb4_0900_bin',
] as const;

/** Those that a server has: text is compared by them in place, where it would have to be made bytes first. */
export async function exactCollations(session: Session): Promise<ExactCollations> {
  const rows = await session.query(
    `SELECT collation_name AS name, character_set_name AS charset FROM information_schema.collations
     WHERE collation_name IN (${known.map(() => '?').join(', ')}) AND character_set_name IS NOT NULL`,
    known,
  );
  await session.execute('COMMIT');
  return new Map(rows.map(({ charset, name }) => [text(charset), text(name)]));
}
