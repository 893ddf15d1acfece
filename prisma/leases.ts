import { Failure } from '../domain/failures';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { LeaseModel } from './generated/sqlite/models';
import type { Lease, Leases } from './store';
import { Versioned } from './versioned';

/** Milliseconds for which a released lease keeps its row, so that its version rises over whoever still has an older one. */
const REMEMBERED_MS = 7 * 24 * 3_600_000;

/** Milliseconds between two removals of rows older than that. */
const PRUNE_EVERY_MS = 3_600_000;

/** {@link Leases} in the database. A released lease is a row without a holder. */
export class StoredLeases implements Leases {
  private readonly rows: Versioned<LeaseModel, { name: string }>;
  /** When this process next removes rows that nobody needs to remember, in ms since the epoch. */
  private pruneAt = 0;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, { model: 'lease', what: 'lease', identity: ['name'] });
  }

  async tryAcquire(name: string, holder: string, ttlMs: number): Promise<Lease> {
    return await this.take(name, holder, ttlMs, () => Prisma.sql`lease.holder IN ('', ${holder})`);
  }

  async acquireOrSteal(name: string, holder: string, ttlMs: number): Promise<Lease> {
    return await this.take(
      name,
      holder,
      ttlMs,
      (now) => Prisma.sql`(lease.holder IN ('', ${holder}) OR lease.expires_at <= ${now})`,
    );
  }

  async trySteal(name: string, holder: string, ttlMs: number): Promise<Lease> {
    const now = new Date();
    const row = await this.rows.find({ name });
    if (!row || row.holder === '')
      throw new Failure('CONFLICT', 'nobody holds this lease', { data: { reason: 'NotHeld' } });
    if (row.expiresAt > now) throw alreadyHeld(row);
    const values = { holder, acquiredAt: now, expiresAt: new Date(now.getTime() + ttlMs) };
    return leaseOf(await this.rows.putIf({ name }, { MatchResourceVersion: row.resourceVersion }, values));
  }

  async renew(lease: Lease, ttlMs: number): Promise<Lease> {
    const values = { expiresAt: new Date(Date.now() + ttlMs) };
    try {
      return leaseOf(await this.rows.putIf({ name: lease.name }, { MatchResourceVersion: lease.version }, values));
    } catch (error) {
      if ((error as Failure).code !== 'NOT_FOUND') throw error;
      throw new Failure('CONFLICT', 'the lease was released', { data: { reason: 'NotHeld' } });
    }
  }

  async release(lease: Lease): Promise<void> {
    const now = Date.now();
    await this.database.direct(async (statements) => {
      await statements.change(Prisma.sql`
        UPDATE lease SET holder = '', expires_at = ${new Date(now)}, resource_version = resource_version + 1
        WHERE name = ${lease.name} AND holder = ${lease.holder} AND resource_version = ${lease.version}`);
      if (now < this.pruneAt) return;
      this.pruneAt = now + PRUNE_EVERY_MS;
      const old = new Date(now - REMEMBERED_MS);
      await statements.change(Prisma.sql`DELETE FROM lease WHERE holder = '' AND expires_at < ${old}`);
    });
  }

  async get(name: string): Promise<Lease | null> {
    const row = await this.rows.find({ name });
    return row && row.holder !== '' ? leaseOf(row) : null;
  }

  async list(prefix: string): Promise<Lease[]> {
    const rows = await this.database.run((client) =>
      client.lease.findMany({ where: { name: { startsWith: prefix }, holder: { not: '' } }, orderBy: { name: 'asc' } }),
    );
    return rows.map(leaseOf);
  }

  /** Takes a lease in one statement: a new one, or the one there where the condition allows it. */
  private async take(name: string, holder: string, ttlMs: number, allowed: (now: Date) => Prisma.Sql): Promise<Lease> {
    const now = new Date();
    const expiresAt = new Date(now.getTime() + ttlMs);
    const [row] = await this.database.direct((statements) =>
      statements.rows<Pick<LeaseModel, 'acquiredAt' | 'expiresAt' | 'resourceVersion'>>(Prisma.sql`
        INSERT INTO lease (name, holder, acquired_at, expires_at, resource_version)
        VALUES (${name}, ${holder}, ${now}, ${expiresAt}, 1)
        ON CONFLICT (name) DO UPDATE SET
          acquired_at = CASE WHEN lease.holder = excluded.holder THEN lease.acquired_at ELSE excluded.acquired_at END,
          holder = excluded.holder,
          expires_at = excluded.expires_at,
          resource_version = lease.resource_version + 1
        WHERE ${allowed(now)}
        RETURNING acquired_at, expires_at, resource_version`),
    );
    if (row) return leaseOf({ name, holder, ...row });
    throw alreadyHeld(await this.rows.find({ name }));
  }
}

function leaseOf({ name, holder, resourceVersion: version, acquiredAt, expiresAt }: LeaseModel): Lease {
  return { name, holder, version, acquiredAt, expiresAt };
}

function alreadyHeld(row: LeaseModel | null): Failure {
  const { holder, expiresAt, resourceVersion } = row ?? {};
  return new Failure('CONFLICT', `another holds this lease: ${holder ?? 'it ended just now'}`, {
    data: { reason: 'AlreadyHeld', holder, expiresAt, currentVersion: resourceVersion },
  });
}
