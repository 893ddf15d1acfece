import { Failure } from '../domain/failures';

/** Which database a URL speaks of. */
export type Provider = 'sqlite' | 'postgresql';

/**
 * Reads the provider of a database's URL.
 * @throws Failure INVALID_INPUT for anything but `file:` and `postgresql:` (or `postgres:`); the URL may hold a password and is not shown.
 */
export function providerOf(databaseUrl: string): Provider {
  if (/^file:./.test(databaseUrl)) return 'sqlite';
  if (/^postgres(ql)?:\/\//.test(databaseUrl)) return 'postgresql';
  throw new Failure('INVALID_INPUT', 'DATABASE_URL must begin with file: or postgresql://');
}

/** The path of a `file:` URL, which may be relative (`file:dev.db`) or absolute (`file:/x/y.db`, `file:///x/y.db`). */
export function fileOf(databaseUrl: string): string {
  return databaseUrl.replace(/^file:(\/\/(?=\/))?/, '').replace(/\?.*$/, '');
}
