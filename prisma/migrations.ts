import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A migration as it lies in the sources. */
export interface Migration {
  /** Its directory, `<time>_<name>`; the order of names is the order of migrations. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file in hex, as Prisma records it. */
  readonly checksum: string;
}

/** The migrations of a provider, in order. They lie beside the sources, also of a build. */
export function migrationsOf(provider: 'sqlite' | 'postgresql'): Migration[] {
  const places = [__dirname, join(__dirname, '../../prisma')].map((place) => join(place, provider, 'migrations'));
  const directory = places.find((place) => existsSync(place));
  if (directory === undefined) throw new Error(`no migrations at ${places.join(' or ')}`);
  return readMigrations(directory);
}

/** Reads a directory of migrations in Prisma's layout. */
export function readMigrations(directory: string): Migration[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const content = readFileSync(join(directory, name, 'migration.sql'));
      return { name, sql: content.toString('utf8'), checksum: createHash('sha256').update(content).digest('hex') };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
