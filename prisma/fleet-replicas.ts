import type { FleetReplica, ProfileRevision } from '../domain/fleet/gateway';
import { allowed, mayBegin, replicaMoves, ReplicaState, type ReplicaMove } from '../domain/fleet/lifecycle';
import { eventText } from '../domain/fleet/messages';
import { retirementOf } from '../domain/fleet/scaling';
import { Failure } from '../domain/failures';
import { plainText } from '../domain/plain-text';
import type { Database } from './database';
import { recordEvents } from './fleet-events';
import { fleetReplicaOf, gatewayOf, notesRow, replicaTarget } from './fleet-rows';
import type { ReplicaNotes, Replicas } from './fleet-store';
import { Prisma } from './generated/sqlite/client';
import type { GatewayModel, GatewayReplicaModel } from './generated/sqlite/models';
import { enterPool, withdrawFromPool } from './pool-places';
import type { Statements } from './statements';
import { table } from './table';
import { onFreshReads, Versioned } from './versioned';

type Row = GatewayReplicaModel;

/** What a move writes beside the state, and what else it does in the same transaction. */
interface Moving {
  readonly values: Partial<Row>;
  readonly beside?: (statements: Statements) => Promise<void>;
}

/** {@link Replicas} in the database. */
export class StoredReplicas implements Replicas {
  private readonly rows: Versioned<Row, { id: string; organizationId: string }>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, {
      model: 'gatewayReplica',
      what: 'replica',
      identity: ['id', 'gatewayId', 'organizationId', 'num', 'generation', 'token'],
    });
  }

  async get(organizationId: string, replicaId: string): Promise<FleetReplica | null> {
    const row = await this.rows.find({ id: replicaId, organizationId });
    return row && fleetReplicaOf(row);
  }

  async list(organizationId: string, gatewayId: string): Promise<FleetReplica[]> {
    return await this.where(Prisma.sql`organization_id = ${organizationId} AND gateway_id = ${gatewayId}`);
  }

  async live(): Promise<FleetReplica[]> {
    return await this.where(Prisma.sql`state <> ${ReplicaState.terminated}`);
  }

  async move(
    organizationId: string,
    replicaId: string,
    move: Exclude<ReplicaMove, 'join'>,
    { statusMessage, ...notes }: ReplicaNotes & { statusMessage?: string | null } = {},
  ): Promise<FleetReplica> {
    return await this.moved(organizationId, replicaId, move, (row) => {
      if (move === 'drop' && row.createPendingAt !== null && notes.createPendingAt !== null)
        throw new Failure('STATE_CONFLICT', 'the replica may have a machine', {
          data: { state: row.state, allowed: allowed(replicaMoves, row.state as ReplicaState) },
        });
      const ended = replicaMoves[move].to === ReplicaState.terminated;
      return {
        values: {
          ...notesRow(notes),
          ...(statusMessage !== undefined && { statusMessage: statusMessage && plainText(statusMessage) }),
          ...(ended && { terminatedAt: row.terminatedAt ?? new Date() }),
        },
        ...(move === 'retire' && { beside: (statements) => withdrawFromPool(statements, replicaId) }),
      };
    });
  }

  async note(organizationId: string, replicaId: string, notes: ReplicaNotes): Promise<FleetReplica> {
    return fleetReplicaOf(await this.rows.update({ id: replicaId, organizationId }, () => notesRow(notes)));
  }

  async countConnectAttempt(organizationId: string, replicaId: string): Promise<number> {
    const one = Prisma.sql`connect_attempts = connect_attempts + 1`;
    return (await this.count(organizationId, replicaId, one)).connectAttempts;
  }

  async countHealth(organizationId: string, replicaId: string, passed: boolean): Promise<number> {
    if (!passed) {
      const one = Prisma.sql`health_failures = health_failures + 1`;
      return (await this.count(organizationId, replicaId, one)).healthFailures;
    }
    const row = await this.rows.get({ id: replicaId, organizationId });
    if (row.healthFailures > 0) await this.count(organizationId, replicaId, Prisma.sql`health_failures = 0`);
    return 0;
  }

  async join(
    organizationId: string,
    replicaId: string,
    join: { name: string; secretHash: string; address: string; appliedProfile?: ProfileRevision },
  ): Promise<FleetReplica> {
    return await this.moved(organizationId, replicaId, 'join', async (row) => {
      const gateway = await this.database.direct((statements) => gatewayOfReplica(statements, row));
      if (!gateway || retirementOf(gatewayOf(gateway), fleetReplicaOf(row)) !== null)
        throw new Failure('STATE_CONFLICT', 'the replica is to go', {
          data: { state: row.state, allowed: ['retire'] },
        });
      const { appliedProfile, address } = join;
      return {
        values: {
          ...notesRow({ serves: address, healthFailures: 0, ...(appliedProfile && { appliedProfile }) }),
          statusMessage: null,
          runningAt: row.runningAt ?? new Date(),
        },
        beside: (statements) => enterPool(statements, { id: replicaId, ...join }),
      };
    });
  }

  /** Makes a move with its event, again on a fresh read where the row was changed meanwhile. */
  private async moved(
    organizationId: string,
    id: string,
    name: ReplicaMove,
    moving: (row: Row) => Moving | Promise<Moving>,
  ): Promise<FleetReplica> {
    const key = { id, organizationId };
    const move = replicaMoves[name];
    return await onFreshReads(async () => {
      const row = await this.rows.get(key);
      const from = row.state as ReplicaState;
      if (from === move.to) return fleetReplicaOf(row);
      if (!mayBegin(move, from))
        throw new Failure('STATE_CONFLICT', `the replica is ${from}, which does not become ${move.to}`, {
          data: { state: from, allowed: allowed(replicaMoves, from) },
        });
      const { values, beside } = await moving(row);
      const written = await this.database.together(async (statements) => {
        const condition = { MatchResourceVersion: row.resourceVersion };
        const after = await this.rows.putIf(key, condition, { ...values, state: move.to }, statements);
        await beside?.(statements);
        const gateway = await gatewayOfReplica(statements, row);
        await recordEvents(statements, [
          {
            organizationId,
            gatewayId: row.gatewayId,
            replicaId: id,
            message: eventText.replicaChanged(from, move.to, after.statusMessage),
            targets: [replicaTarget(gateway?.name ?? row.gatewayId, row)],
            actor: null,
          },
        ]);
        return after;
      });
      return fleetReplicaOf(written);
    });
  }

  /** Raises or resets a counter in one statement. @throws Failure NOT_FOUND */
  private async count(organizationId: string, id: string, change: Prisma.Sql): Promise<Row> {
    const [row] = await this.database.direct((statements) =>
      statements.rows<Row>(Prisma.sql`
        UPDATE gateway_replica SET ${change}, resource_version = resource_version + 1
        WHERE id = ${id} AND organization_id = ${organizationId} RETURNING *`),
    );
    if (!row) throw new Failure('NOT_FOUND', 'there is no such replica');
    return row;
  }

  private async where(condition: Prisma.Sql): Promise<FleetReplica[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<Row>(
        Prisma.sql`SELECT * FROM gateway_replica WHERE ${condition} ORDER BY gateway_id, num, generation`,
      ),
    );
    return rows.map(fleetReplicaOf);
  }
}

async function gatewayOfReplica(statements: Statements, { gatewayId }: Row): Promise<GatewayModel | null> {
  return await table<GatewayModel>(statements, 'gateway').findFirst({ where: { id: gatewayId } });
}
