import { isFailure } from '../domain/failures';
import type { Lease, Leases } from '../prisma/store';
import { isDeadHere } from './identity';

/**
 * Takes or renews a lease; null while another process has it. One whose holder is a dead process of this host is not
 * waited for: it is given back in its name.
 */
export async function acquire(leases: Leases, name: string, identity: string, ttlMs: number): Promise<Lease | null> {
  const held = await tryAcquire(leases, name, identity, ttlMs);
  if (held) return held;
  const other = await leases.get(name);
  if (!other || !isDeadHere(other.holder)) return null;
  await leases.release(other);
  return await tryAcquire(leases, name, identity, ttlMs);
}

async function tryAcquire(leases: Leases, name: string, identity: string, ttlMs: number): Promise<Lease | null> {
  try {
    return await leases.acquireOrSteal(name, identity, ttlMs);
  } catch (error) {
    if (isFailure(error) && error.code === 'CONFLICT') return null;
    throw error;
  }
}
