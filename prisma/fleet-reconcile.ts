import { randomUUID } from 'node:crypto';
import type { EventTarget, FleetGateway } from '../domain/fleet/gateway';
import { gatewayMoves, mayBegin, ReplicaState, type GatewayState } from '../domain/fleet/lifecycle';
import { machineToken } from '../domain/fleet/machine';
import { eventText } from '../domain/fleet/messages';
import type { Decision, HeldReplica } from '../domain/fleet/scaling';
import { Failure } from '../domain/failures';
import type { Database } from './database';
import { recordEvents, type NewFleetEvent } from './fleet-events';
import { fleetReplicaOf, gatewayOf, gatewayTarget, replicaTarget, type GatewayKey } from './fleet-rows';
import type { Reconciliation } from './fleet-store';
import { Prisma } from './generated/sqlite/client';
import type { GatewayModel, GatewayReplicaModel } from './generated/sqlite/models';
import type { Statements } from './statements';
import { table } from './table';
import { onFreshReads, type Versioned } from './versioned';

type GatewayRows = Versioned<GatewayModel, GatewayKey>;
type Decide = (gateway: FleetGateway, replicas: readonly HeldReplica[]) => Decision;

/** @see Gateways.reconcile */
export async function reconcile(
  database: Database,
  rows: GatewayRows,
  key: GatewayKey,
  decide: Decide,
): Promise<Reconciliation> {
  return await onFreshReads(async () => {
    // In this order: a gateway read after its replicas could vouch for ones that a faster reconciliation has changed.
    const gateway = await rows.find(key);
    if (!gateway) return { gateway: null, replicas: [], decision: null };
    const replicas = await heldReplicas(database, gateway.id);
    const decision = decide(gatewayOf(gateway), replicas);
    if (changesNothing(decision)) return { gateway: gatewayOf(gateway), replicas, decision };
    await database.together((statements) => write(statements, rows, gateway, replicas, decision));
    if (decision.over) return { gateway: null, replicas: [], decision };
    const after = await rows.find(key);
    return { gateway: after && gatewayOf(after), replicas: await heldReplicas(database, gateway.id), decision };
  });
}

function changesNothing({ move, create, scaleIn, scaleAttempt, events, over }: Decision): boolean {
  return !move && !over && !scaleAttempt && create.length + scaleIn.length + events.length === 0;
}

async function heldReplicas(database: Database, gatewayId: string): Promise<HeldReplica[]> {
  const rows = await database.direct((statements) =>
    statements.rows<GatewayReplicaModel & { heldBy: string | null }>(Prisma.sql`
      SELECT gateway_replica.*, replica.allocation_id AS held_by
      FROM gateway_replica LEFT JOIN replica ON replica.id = gateway_replica.id
      WHERE gateway_replica.gateway_id = ${gatewayId} ORDER BY num, generation`),
  );
  return rows.map((row) => ({ ...fleetReplicaOf(row), held: row.heldBy !== null }));
}

/** Writes all of a decision. The gateway's row comes first: whoever decided on an older one writes nothing at all. */
async function write(
  statements: Statements,
  rows: GatewayRows,
  gateway: GatewayModel,
  replicas: readonly HeldReplica[],
  decision: Decision,
): Promise<void> {
  const key = { id: gateway.id, organizationId: gateway.organizationId };
  const condition = { MatchResourceVersion: gateway.resourceVersion };
  const events: NewFleetEvent[] = [];
  const tell = (message: string, target: EventTarget = gatewayTarget(gateway)): void => {
    const replicaId = target.type === 'gateway-replica' ? target.id : null;
    events.push({
      organizationId: gateway.organizationId,
      gatewayId: gateway.id,
      replicaId,
      message,
      targets: [target],
      actor: null,
    });
  };
  if (decision.over) {
    if (!(await rows.deleteIf(key, condition, statements))) throw new Failure('CONFLICT', 'the gateway is deleted');
    await forget(statements, gateway.id);
    tell(eventText.gatewayDeleted);
  } else {
    await rows.putIf(key, condition, gatewayValues(gateway, decision), statements);
    const { move } = decision;
    if (move) {
      const from = gateway.state as GatewayState;
      tell(eventText.gatewayChanged(from, gatewayMoves[move.name].to, move.statusMessage));
    }
    for (const id of decision.scaleIn)
      await markScaledIn(
        statements,
        replicas.find((replica) => replica.id === id),
      );
    for (const place of decision.create) {
      const entered = await enter(statements, gateway, place);
      tell(eventText.replicaCreated, replicaTarget(gateway.name, entered));
    }
    decision.events.forEach((message) => tell(message));
  }
  await recordEvents(statements, events);
}

function gatewayValues(gateway: GatewayModel, { move, scaleAttempt }: Decision): Partial<GatewayModel> {
  if (move && !mayBegin(gatewayMoves[move.name], gateway.state as GatewayState))
    throw new Error(`a gateway that is ${gateway.state} cannot ${move.name}`);
  return {
    ...(move && { state: gatewayMoves[move.name].to, statusMessage: move.statusMessage }),
    ...(scaleAttempt && { scaleAttempt: scaleAttempt.count, lastScaleAttemptAt: scaleAttempt.at }),
  };
}

/** Removes the rows of a gateway's replicas, which all are TERMINATED. */
async function forget(statements: Statements, gatewayId: string): Promise<void> {
  await statements.change(
    Prisma.sql`DELETE FROM gateway_replica WHERE gateway_id = ${gatewayId} AND state = ${ReplicaState.terminated}`,
  );
  const [left] = await statements.rows(Prisma.sql`SELECT id FROM gateway_replica WHERE gateway_id = ${gatewayId}`);
  if (left) throw new Failure('CONFLICT', 'a replica of the gateway is not TERMINATED');
}

/** Marks a replica as scaled in and withdraws it from the pool: not where it, or who holds it, has changed since. */
async function markScaledIn(statements: Statements, replica: HeldReplica | undefined): Promise<void> {
  const changed = new Failure('CONFLICT', 'a replica to be scaled in has changed');
  if (!replica) throw changed;
  const marked = await statements.change(Prisma.sql`
    UPDATE gateway_replica SET scale_in = ${true}, resource_version = resource_version + 1
    WHERE id = ${replica.id} AND resource_version = ${replica.resourceVersion}`);
  if (marked === 0) throw changed;
  const now = new Date();
  const unheld = replica.held ? Prisma.sql`TRUE` : Prisma.sql`allocation_id IS NULL`;
  await statements.change(Prisma.sql`
    UPDATE replica SET withdrawn_at = COALESCE(withdrawn_at, ${now}), resource_version = resource_version + 1
    WHERE id = ${replica.id} AND ${unheld}`);
  const [open] = await statements.rows(
    Prisma.sql`SELECT id FROM replica WHERE id = ${replica.id} AND withdrawn_at IS NULL`,
  );
  if (open) throw changed;
}

/** Enters a replica as SUBMITTED. Of those that had its number before, the last is kept to be looked at. */
async function enter(
  statements: Statements,
  gateway: GatewayModel,
  { num, generation }: { num: number; generation: number },
): Promise<{ id: string; num: number }> {
  const id = randomUUID();
  const { backend, region } = gatewayOf(gateway).configuration;
  await statements.change(Prisma.sql`
    DELETE FROM gateway_replica WHERE gateway_id = ${gateway.id} AND num = ${num}
    AND state = ${ReplicaState.terminated} AND generation < ${generation - 1}`);
  await table<GatewayReplicaModel>(statements, 'gatewayReplica').create({
    data: {
      id,
      gatewayId: gateway.id,
      organizationId: gateway.organizationId,
      num,
      generation,
      state: ReplicaState.submitted,
      backend,
      region,
      token: machineToken(id),
      createdAt: new Date(),
      resourceVersion: 1,
    },
  });
  return { id, num };
}
