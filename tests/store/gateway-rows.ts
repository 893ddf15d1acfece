import { randomUUID } from 'node:crypto';
import { gatewayConfiguration } from '../../domain/fleet/configuration';
import type { FleetReplica } from '../../domain/fleet/gateway';
import { machineToken } from '../../domain/fleet/machine';
import { provisioningStatus, replicaStatus } from '../../domain/fleet/messages';
import { defaultFleetPolicy } from '../../domain/fleet/policy';
import { decide } from '../../domain/fleet/scaling';
import { Failure } from '../../domain/failures';
import type { Database } from '../../prisma/database';
import type { Store } from '../../prisma/store';
import { organizationId } from './fleet-world';

/** A row of gateway_cases.json, as far as it is about gateways and replicas rather than the HTTP API. */
export interface GatewayCase {
  readonly name: string;
  readonly kind: string;
  readonly given: Given;
  readonly expected: Readonly<Record<string, unknown>>;
}

interface Given {
  readonly gateway?: Readonly<Record<string, unknown>>;
  readonly replicas?: readonly GivenReplica[];
  readonly replica?: GivenReplica;
  /** What the backend's create call throws, as Python shows it. */
  readonly create_gateway?: string;
  readonly attempts_before?: number;
}

type GivenReplica = Readonly<Record<string, unknown>> & { readonly status: string; readonly replica_num: number };

interface Opened {
  readonly database: Database;
  readonly store: Store;
}

/**
 * What is expected in a row and asked elsewhere: columns of a polling design, whose purpose fleet.test.ts has, and the
 * calls of a backend, which tests/fleet/gateway-cases.test.ts counts.
 */
const elsewhere = ['last_processed_at', 'lock', 'terminate_gateway_calls'];

const now = new Date();
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);

/** Puts the rows of a case in place, looks at the gateway once, and compares with what is expected. */
export async function runGatewayCase(opened: Opened, { given, expected }: GatewayCase): Promise<void> {
  const { store } = opened;
  const gatewayId = await seed(opened, given.gateway!, given.replicas ?? []);
  const before = await store.fleet.replicas.list(organizationId, gatewayId);
  const { gateway } = await look(store, gatewayId, given.gateway!);
  const replicas = await store.fleet.replicas.list(organizationId, gatewayId);
  const events = await store.fleet.events.page({ organizationId, within: [gatewayId], limit: 100 });
  const found: Record<string, () => unknown> = {
    status: () => gateway!.state,
    status_message: () => gateway!.statusMessage,
    row: () => (gateway ? 'kept' : 'deleted'),
    to_be_deleted: () => gateway!.deletionMarkedAt !== null,
    events: () => events.map(({ message }) => message),
    replicas: () =>
      typeof expected['replicas'] === 'number'
        ? replicas.length
        : replicas.map(({ state, num }) => ({ status: state, replica_num: num })),
    scale_in: () => before.map(({ id }) => replicas.find((each) => each.id === id)!.scaleIn),
    replica_scale_attempt: () => {
      const { scaleAttempt } = gateway!;
      return expected['replica_scale_attempt'] === 'MAX' && scaleAttempt === defaultFleetPolicy.scaleOutAttempts
        ? 'MAX'
        : scaleAttempt;
    },
    last_replica_scale_attempt_at: () => (gateway!.lastScaleAttemptAt ? 'set' : 'unset'),
    // No machine was asked for where no replica was entered.
    create_gateway_calls: () => replicas.length,
  };
  compare(found, expected);
}

/** Does with the replica of a case what its workflow does when it looks at it, and compares. */
export async function runReplicaCase(opened: Opened, { given, expected }: GatewayCase): Promise<void> {
  const { store } = opened;
  const gatewayId = await seed(opened, given.gateway!, [given.replica!]);
  const [replica] = await store.fleet.replicas.list(organizationId, gatewayId);
  const address = given.replica!['ip_address'];
  if (address !== undefined || replica!.state === 'running')
    await store.pool.register({ id: replica!.id, name: 'edge-0', secretHash: 'h' });
  await step(store, gatewayId, replica!, given);
  const after = (await store.fleet.replicas.get(organizationId, replica!.id))!;
  const left = await store.pool.replicas();
  const found: Record<string, () => unknown> = {
    status: () => after.state,
    status_message: () => after.statusMessage,
    active: () => left.some(({ id, withdrawnAt }) => id === after.id && withdrawnAt === null),
    deleted: () => after.terminatedAt !== null,
    pool_remove: () => (left.some(({ id }) => id === after.id) ? [] : [address]),
    // A replica that has no machine, and for which none may be asked any more: TERMINATED, never pending.
    backend_calls: () => (after.createPendingAt === null && after.instanceId === null ? 0 : 1),
    connect_calls: () => after.connectAttempts,
  };
  compare(found, expected);
}

/** Counts an attempt to connect after a restart, on a store opened anew. */
export async function runAttempts(opened: Opened, again: Store, { given }: GatewayCase): Promise<number> {
  const gatewayId = await seed(opened, { status: 'provisioning' }, [{ status: 'provisioning', replica_num: 0 }]);
  const [replica] = await opened.store.fleet.replicas.list(organizationId, gatewayId);
  for (let attempt = 0; attempt < given.attempts_before!; attempt++)
    await opened.store.fleet.replicas.countConnectAttempt(organizationId, replica!.id);
  return await again.fleet.replicas.countConnectAttempt(organizationId, replica!.id);
}

async function step(store: Store, gatewayId: string, replica: FleetReplica, given: Given): Promise<void> {
  const { replicas } = store.fleet;
  if (given.create_gateway !== undefined) {
    // The backend refused, and a look by token proved that there is no machine.
    const [, message] = /^BackendError\("(.*)"\)$/.exec(given.create_gateway) ?? [];
    const error = message === undefined ? new Error('a bug') : new Failure('CLOUD_SPEC_REFUSED', message);
    const statusMessage = provisioningStatus('create', error);
    await replicas.move(organizationId, replica.id, 'drop', { statusMessage, createPendingAt: null });
    return;
  }
  if (replica.state === 'terminating') {
    await store.pool.unregister(replica.id);
    await replicas.move(organizationId, replica.id, 'end');
    return;
  }
  const { decision } = await look(store, gatewayId, given.gateway!);
  const order = decision!.retire.find(({ replicaId }) => replicaId === replica.id);
  if (!order) throw new Error('the replica was not told to go');
  const move = replica.state === 'submitted' ? 'drop' : 'retire';
  await replicas.move(organizationId, replica.id, move, { statusMessage: replicaStatus[order.reason] });
}

async function look(store: Store, gatewayId: string, { backend }: Readonly<Record<string, unknown>>) {
  return await store.fleet.gateways.reconcile(organizationId, gatewayId, (row, rows) =>
    decide(row, rows, {
      now,
      backend: { available: backend !== 'not available', loadBalancer: false },
      policy: defaultFleetPolicy,
    }),
  );
}

async function seed({ database }: Opened, row: Readonly<Record<string, unknown>>, replicas: readonly GivenReplica[]) {
  const { status, backend, to_be_deleted, desired_replicas, replica_scale_attempt, last_attempt, ...more } = row;
  const { last_update_at, certificate, hostname: _, ...unknown } = more;
  if (Object.keys(unknown).length > 0) throw new Error(`this runner does not know ${Object.keys(unknown).join()}`);
  const acm = { type: 'acm', arn: 'arn:aws:acm:eu-west-1:1:certificate/1' };
  const configuration = gatewayConfiguration(
    { name: 'edge', backend: 'aws', region: 'eu-west-1', ...(certificate === 'acm' && { certificate: acm }) },
    defaultFleetPolicy,
  );
  const id = randomUUID();
  const attempt = replica_scale_attempt === 'MAX' ? defaultFleetPolicy.scaleOutAttempts : replica_scale_attempt;
  const updates: Record<string, Date> = { 'after last attempt': ago(1), '2020': new Date('2020-01-01T00:00:00Z') };
  const attempts: Record<string, Date> = { now, '5 min ago': ago(5) };
  await database.client.gateway.create({
    data: {
      id,
      organizationId,
      name: 'edge',
      configuration: JSON.stringify(configuration),
      profileName: 'default',
      profileRevision: 1,
      state: String(status),
      deletionMarkedAt: to_be_deleted === true ? ago(2) : null,
      desiredReplicas: Number(desired_replicas ?? Math.max(1, replicas.length)),
      scaleAttempt: Number(attempt ?? 0),
      lastScaleAttemptAt: attempt === undefined ? null : (attempts[String(last_attempt)] ?? ago(60)),
      lastUpdateAt: updates[String(last_update_at)] ?? null,
      createdAt: ago(120),
    },
  });
  for (const { status: state, replica_num: num, created, instance_id } of replicas) {
    const replicaId = randomUUID();
    await database.client.gatewayReplica.create({
      data: {
        id: replicaId,
        gatewayId: id,
        organizationId,
        num,
        generation: 1,
        state,
        backend: String(backend ?? 'aws'),
        region: 'eu-west-1',
        token: machineToken(replicaId),
        ...(state !== 'submitted' && { createPendingAt: ago(100), instanceId: String(instance_id ?? `i-${num}`) }),
        createdAt: ago(110 - Number(String(created ?? 'd0').slice(1))),
      },
    });
  }
  return id;
}

function compare(found: Record<string, () => unknown>, expected: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(expected)) {
    if (elsewhere.includes(key)) continue;
    const read = found[key];
    if (!read) throw new Error(`this runner does not know what ${key} means`);
    expect([key, read()]).toEqual([key, value]);
  }
}
