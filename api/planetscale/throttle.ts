import type { DatabaseRecord } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import type { ThrottlerBody } from './schemas';

/**
 * The ratio, in percent, that a client wants for a database's one keyspace.
 * @throws Failure INVALID_INPUT
 */
export function askedRatio({ ratio, configurations }: ThrottlerBody, { name }: DatabaseRecord): number {
  if (ratio !== undefined) return ratio;
  const other = configurations?.find(({ keyspace_name: keyspace }) => keyspace !== name);
  if (other) throw new Failure('INVALID_INPUT', `the only keyspace is ${name}`);
  const [own] = configurations ?? [];
  if (!own) throw new Failure('INVALID_INPUT', 'ratio is missing');
  return own.ratio;
}
