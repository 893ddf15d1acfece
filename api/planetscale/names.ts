import { z } from '../zod';

/** Letters of names of databases and branches: what every client, shell and address takes as it is. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export function isName(value: string): boolean {
  return NAME.test(value);
}

/** The name of a new database or branch. */
export const newName = z
  .string()
  .regex(
    NAME,
    'Name must be 1 to 63 lower-case letters, digits, hyphens and underscores, and begin with none of these two',
  );

/** The name of something that should be there. */
export const knownName = z.string().max(255);

/** Text of people: line ends and tabs, no other control characters. */
export const prose = z
  .string()
  .max(10_000)
  .regex(/^[^\p{Cc}\p{Cs}\p{Cn}]*$|^(?:[\t\r\n]|[^\p{Cc}\p{Cs}\p{Cn}])*$/u, 'must be text without control characters');

/**
 * The name of a schema on a database's server: short enough for every server, of letters that need no quotes, and unlike
 * any other on the server, whoever else's databases are there.
 */
export function schemaName(database: string, branch: string, id: string): string {
  const short = (text: string): string => text.replaceAll('-', '_').slice(0, 20);
  return `gw_${short(database)}_${short(branch)}_${id.replaceAll('-', '').slice(0, 8)}`;
}
