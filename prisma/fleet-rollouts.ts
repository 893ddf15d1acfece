import { isSameProfile, shippedProfile, type FleetReplica } from '../domain/fleet/gateway';
import { GatewayState, ReplicaState } from '../domain/fleet/lifecycle';
import { rolloutText } from '../domain/fleet/rollout-messages';
import { Failure } from '../domain/failures';
import type { Database } from './database';
import { recordEvents } from './fleet-events';
import { fleetReplicaOf, gatewayOf, gatewayTarget } from './fleet-rows';
import { Prisma } from './generated/sqlite/client';
import type { GatewayModel, GatewayReplicaModel } from './generated/sqlite/models';
import type { RolloutKey, Rollouts } from './rollout-store';
import { forUpdate } from './row-lock';
import type { Statements } from './statements';

/** {@link Rollouts} in the database. */
export class StoredRollouts implements Rollouts {
  constructor(private readonly database: Database) {}

  async hold({ organizationId, run }: RolloutKey, replicaId: string): Promise<boolean> {
    return await this.database.together(async (statements) => {
      const held = await statements.change(Prisma.sql`
        UPDATE gateway_replica SET rollout = ${run}, resource_version = resource_version + 1
        WHERE id = ${replicaId} AND organization_id = ${organizationId} AND state = ${ReplicaState.running}
          AND NOT scale_in AND (rollout IS NULL OR rollout = ${run})`);
      if (held > 0) {
        // Whoever holds it keeps it; nobody gets it after them before it is let go.
        await statements.change(Prisma.sql`
          UPDATE replica SET withdrawn_at = ${new Date()}, resource_version = resource_version + 1
          WHERE id = ${replicaId} AND withdrawn_at IS NULL`);
        return true;
      }
      const [row] = await statements.rows<GatewayReplicaModel>(
        Prisma.sql`SELECT * FROM gateway_replica WHERE id = ${replicaId} AND organization_id = ${organizationId}`,
      );
      if (!row || row.state !== ReplicaState.running || row.scaleIn) return false;
      throw new Failure('CONFLICT', `${row.rollout} configures the replica`, { retryable: true });
    });
  }

  async letGo({ organizationId, gatewayId, run }: RolloutKey, replicaId: string): Promise<void> {
    await this.database.together(async (statements) => {
      const freed = await statements.change(Prisma.sql`
        UPDATE gateway_replica SET rollout = NULL, resource_version = resource_version + 1
        WHERE id = ${replicaId} AND organization_id = ${organizationId} AND rollout = ${run}`);
      if (freed === 0) return;
      await statements.change(Prisma.sql`
        UPDATE replica SET withdrawn_at = NULL, resource_version = resource_version + 1
        WHERE id = ${replicaId} AND withdrawn_at IS NOT NULL
          AND EXISTS (SELECT id FROM gateway_replica
            WHERE id = ${replicaId} AND state = ${ReplicaState.running} AND NOT scale_in)
          AND EXISTS (SELECT id FROM gateway
            WHERE id = ${gatewayId} AND deletion_marked_at IS NULL AND state <> ${GatewayState.failed})`);
    });
  }

  async takeBack(key: RolloutKey): Promise<boolean> {
    return await this.database.together(async (statements) => {
      const row = await this.locked(statements, key);
      if (!row || row.rollout !== key.number || row.formerProfileName === null) return false;
      const former = { name: row.formerProfileName, revision: row.formerProfileRevision! };
      const { profile: to, configuration } = gatewayOf(row);
      if (isSameProfile(to, former)) return true;
      const named = { ...configuration, profile: former.name === shippedProfile.name ? null : former.name };
      await statements.change(Prisma.sql`
        UPDATE gateway SET profile_name = ${former.name}, profile_revision = ${former.revision},
          configuration = ${JSON.stringify(named)}, resource_version = resource_version + 1
        WHERE id = ${row.id}`);
      await recordEvents(statements, [
        {
          ...{ organizationId: row.organizationId, gatewayId: row.id, replicaId: null, actor: null },
          message: rolloutText.takenBack(to, former, key.run),
          targets: [gatewayTarget(row)],
        },
      ]);
      return true;
    });
  }

  async settle(key: RolloutKey): Promise<FleetReplica[]> {
    const { organizationId, gatewayId, number, run } = key;
    return await this.database.together(async (statements) => {
      await statements.change(Prisma.sql`
        UPDATE gateway SET rollout_settled = ${number}, resource_version = resource_version + 1
        WHERE id = ${gatewayId} AND organization_id = ${organizationId} AND rollout_settled < ${number}`);
      const rows = await statements.rows<GatewayReplicaModel>(Prisma.sql`
        SELECT * FROM gateway_replica WHERE gateway_id = ${gatewayId} AND organization_id = ${organizationId}
          AND rollout = ${run} AND state <> ${ReplicaState.terminated} ORDER BY num`);
      return rows.map(fleetReplicaOf);
    });
  }

  private async locked(
    statements: Statements,
    { organizationId, gatewayId }: RolloutKey,
  ): Promise<GatewayModel | undefined> {
    const [row] = await statements.rows<GatewayModel>(
      Prisma.sql`SELECT * FROM gateway WHERE id = ${gatewayId} AND organization_id = ${organizationId} ${forUpdate(this.database)}`,
    );
    return row;
  }
}
