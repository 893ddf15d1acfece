import { randomUUID } from 'node:crypto';
import type { EventTarget, FleetEvent } from '../domain/fleet/gateway';
import { Failure } from '../domain/failures';
import { plainText } from '../domain/plain-text';
import { Counter, raise } from './counters';
import type { Database } from './database';
import { fleetEventOf, gatewayTarget, replicaTarget } from './fleet-rows';
import type { FleetEventFilter, FleetEvents } from './fleet-store';
import { Prisma } from './generated/sqlite/client';
import type { FleetEventModel, GatewayModel, GatewayReplicaModel } from './generated/sqlite/models';
import type { Statements } from './statements';
import { table } from './table';

/** An event before it has its place. */
export interface NewFleetEvent {
  readonly organizationId: string;
  readonly gatewayId: string;
  readonly replicaId: string | null;
  readonly message: string;
  readonly targets: readonly EventTarget[];
  readonly actor: string | null;
}

/** How many events one statement takes: each has nine parameters, and SQLite has room for 32,766 of them. */
const LIMIT = 500;

/**
 * Writes events in a transaction, as its last statements: the counter that puts all events in commit order is locked
 * until it ends.
 */
export async function recordEvents(statements: Statements, events: readonly NewFleetEvent[]): Promise<FleetEvent[]> {
  if (events.length === 0) return [];
  const recordedAt = new Date();
  const last = await raise(statements, Counter.fleetEvents, events.length);
  const entered = events.map((event, index) => ({
    ...event,
    // It may hold what a backend or a machine said.
    message: plainText(event.message),
    seq: last - events.length + 1 + index,
    id: randomUUID(),
    recordedAt,
  }));
  for (let start = 0; start < entered.length; start += LIMIT) {
    const rows = entered
      .slice(start, start + LIMIT)
      .map(
        (each) =>
          Prisma.sql`(${each.seq}, ${each.id}, ${each.organizationId}, ${each.gatewayId}, ${each.replicaId}, ${each.message}, ${each.recordedAt}, ${JSON.stringify(each.targets)}, ${each.actor})`,
      );
    await statements.change(Prisma.sql`
      INSERT INTO fleet_event (seq, id, organization_id, gateway_id, replica_id, message, recorded_at, targets, actor)
      VALUES ${Prisma.join(rows)}`);
  }
  return entered;
}

/** {@link FleetEvents} in the database. */
export class StoredFleetEvents implements FleetEvents {
  constructor(private readonly database: Database) {}

  async page({ organizationId, limit, ...filter }: FleetEventFilter): Promise<FleetEvent[]> {
    const { gateways, replicas, within, cursor, recordedAt, descending = false } = filter;
    const conditions = [Prisma.sql`organization_id = ${organizationId}`];
    const about = [
      gateways && Prisma.sql`(${among('gateway_id', gateways)} AND replica_id IS NULL)`,
      replicas && among('replica_id', replicas),
      within && among('gateway_id', within),
    ].filter((each) => each !== undefined);
    if (about.length > 0) conditions.push(Prisma.sql`(${Prisma.join(about, ' OR ')})`);
    const [seqFrom, timeFrom] = descending ? [Prisma.raw('<'), Prisma.raw('<=')] : [Prisma.raw('>'), Prisma.raw('>=')];
    if (cursor !== undefined) conditions.push(Prisma.sql`seq ${seqFrom} ${cursor}`);
    if (recordedAt !== undefined) conditions.push(Prisma.sql`recorded_at ${timeFrom} ${recordedAt}`);
    const order = Prisma.raw(descending ? 'DESC' : 'ASC');
    const rows = await this.database.direct((statements) =>
      statements.rows<FleetEventModel>(Prisma.sql`
        SELECT * FROM fleet_event WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY seq ${order} LIMIT ${limit}`),
    );
    return rows.map(fleetEventOf);
  }

  async seqOf(organizationId: string, eventId: string): Promise<number | null> {
    const row = await this.database.direct((statements) =>
      table<FleetEventModel>(statements, 'fleetEvent').findFirst({ where: { id: eventId, organizationId } }),
    );
    return row && Number(row.seq);
  }

  async add(event: {
    organizationId: string;
    gatewayId: string;
    replicaId: string | null;
    message: string;
    actor: string | null;
  }): Promise<FleetEvent> {
    const { organizationId, gatewayId, replicaId } = event;
    return await this.database.together(async (statements) => {
      const gateway = await table<GatewayModel>(statements, 'gateway').findFirst({
        where: { id: gatewayId, organizationId },
      });
      const replica =
        replicaId === null
          ? null
          : await table<GatewayReplicaModel>(statements, 'gatewayReplica').findFirst({
              where: { id: replicaId, gatewayId, organizationId },
            });
      if (!gateway || (replicaId !== null && !replica))
        throw new Failure('NOT_FOUND', 'there is no such gateway or replica');
      const target = replica ? replicaTarget(gateway.name, replica) : gatewayTarget(gateway);
      const [entered] = await recordEvents(statements, [{ ...event, targets: [target] }]);
      return entered!;
    });
  }
}

function among(column: 'gateway_id' | 'replica_id', ids: readonly string[]): Prisma.Sql {
  // An empty list means: of none.
  return ids.length === 0 ? Prisma.sql`FALSE` : Prisma.sql`${Prisma.raw(column)} IN (${Prisma.join([...ids])})`;
}
