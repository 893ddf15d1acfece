import type { MachineTags } from '../domain/fleet/machine';
import type { Database } from './database';
import type { HostLease, HostLeases } from './fleet-store';
import { Prisma } from './generated/sqlite/client';
import type { HostLeaseModel } from './generated/sqlite/models';

/** {@link HostLeases} in the database. A lease is never changed: it is there or it is not, and its keys are unique. */
export class StoredHostLeases implements HostLeases {
  constructor(private readonly database: Database) {}

  async take(inventory: string, hosts: readonly string[], tags: MachineTags): Promise<HostLease | null> {
    for (;;) {
      // In one read: between two this token could get the last host, and would be told that there is none.
      const leases = await this.where(Prisma.sql`inventory = ${inventory} OR token = ${tags.token}`);
      const mine = leases.find((lease) => lease.tags.token === tags.token);
      if (mine) return mine;
      const taken = new Set(leases.map(({ host }) => host));
      const host = hosts.find((each) => !taken.has(each));
      if (host === undefined) return null;
      const values = Prisma.sql`${inventory}, ${host}, ${tags.token}, ${JSON.stringify(tags)}, ${new Date()}`;
      const [lease] = await this.database.direct((statements) =>
        statements.rows<HostLeaseModel>(Prisma.sql`
          INSERT INTO host_lease (inventory, host, token, tags, leased_at) VALUES (${values})
          ON CONFLICT DO NOTHING RETURNING *`),
      );
      // Otherwise somebody took the host, or this token has got one: either is seen in the next round.
      if (lease) return leaseOf(lease);
    }
  }

  async find(token: string): Promise<HostLease | null> {
    const [lease] = await this.where(Prisma.sql`token = ${token}`);
    return lease ?? null;
  }

  async release(inventory: string, host: string, token: string): Promise<boolean> {
    const removed = await this.database.direct((statements) =>
      statements.change(
        Prisma.sql`DELETE FROM host_lease WHERE inventory = ${inventory} AND host = ${host} AND token = ${token}`,
      ),
    );
    return removed > 0;
  }

  async list(inventory: string): Promise<HostLease[]> {
    return await this.where(Prisma.sql`inventory = ${inventory}`);
  }

  private async where(condition: Prisma.Sql): Promise<HostLease[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<HostLeaseModel>(Prisma.sql`SELECT * FROM host_lease WHERE ${condition} ORDER BY host`),
    );
    return rows.map(leaseOf);
  }
}

function leaseOf({ inventory, host, tags, leasedAt }: HostLeaseModel): HostLease {
  return { inventory, host, tags: JSON.parse(tags) as MachineTags, leasedAt };
}
