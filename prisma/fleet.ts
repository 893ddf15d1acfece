import type { Database } from './database';
import { StoredFleetEvents } from './fleet-events';
import { StoredGateways } from './fleet-gateways';
import { StoredHostLeases } from './fleet-hosts';
import { StoredProfiles } from './fleet-profiles';
import { StoredReplicas } from './fleet-replicas';
import type { Fleet } from './fleet-store';
import { StoredRollouts } from './fleet-rollouts';
import { Prisma } from './generated/sqlite/client';

/** {@link Fleet} in the database. */
export function storedFleet(database: Database): Fleet {
  return {
    gateways: new StoredGateways(database),
    replicas: new StoredReplicas(database),
    events: new StoredFleetEvents(database),
    profiles: new StoredProfiles(database),
    hosts: new StoredHostLeases(database),
    rollouts: new StoredRollouts(database),
    installation: async (proposed) =>
      await database.direct(async (statements) => {
        await statements.change(
          Prisma.sql`INSERT INTO installation (single, id) VALUES (1, ${proposed}) ON CONFLICT (single) DO NOTHING`,
        );
        const [row] = await statements.rows<{ id: string }>(Prisma.sql`SELECT id FROM installation`);
        return row!.id;
      }),
  };
}
