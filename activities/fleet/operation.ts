import { createHash } from 'node:crypto';

/**
 * The id under which a machine remembers what came of configuring it: the same for every attempt at the same
 * configuration of the same replica, so that what an attempt did whose answer was lost is found and not done again.
 * @param revision the hash of the profile with its values (`configurationRevision`).
 * @returns a UUID (RFC 9562, version 8).
 */
export function operationId(replicaId: string, revision: string): string {
  const hash = createHash('sha256').update(`${replicaId}\n${revision}`).digest('hex');
  const variant = ((parseInt(hash[16]!, 16) & 3) | 8).toString(16);
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `${variant}${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-');
}
