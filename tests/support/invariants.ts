import { Client, Connection } from '@temporalio/client';
import type { Allocation, Replica } from '../../domain/gateway/allocation';
import type { JournalEntry } from '../../domain/journal';
import { gatewayHostname } from '../../domain/hostname';
import { isTerminal } from '../../domain/saga';
import type { Run, Store } from '../../prisma/store';
import { openAttempts } from './saga-holds';
import { snapshot, type Places, type Snapshot } from './snapshot';

/** What whoever asked for starts and stops knows of how they ended. */
export interface Claims {
  /** The allocation of each organization whose gateway is up. */
  readonly live: ReadonlyMap<string, string>;
  /** Every run that an answer spoke of. */
  readonly runs: ReadonlySet<string>;
}

/**
 * What has to be true whenever nothing is under way, asked of the components themselves and compared with what those
 * who asked for starts and stops were told.
 */
export async function invariantsHold(places: Places, claims: Claims): Promise<void> {
  const { store, settings } = places;
  const [replicas, open, held] = await Promise.all([
    store.pool.replicas(),
    store.pool.allocations({ open: true, limit: 1_000 }),
    snapshot(places),
  ]);
  poolIsWhole(replicas, open, places.agents.length);
  expect(new Map(open.map(({ organizationId, id }) => [organizationId, id]))).toEqual(new Map(claims.live));
  zoneAndEdgesAreThoseOf(open, held, settings);
  agentsServe(open, held);
  await edgesAreRight(store);
  await everyRunEnded(store, claims.runs);
  await nothingRunsIn(settings.temporal);
}

/** Free, allocated and quarantined replicas are all there are, and none is in two allocations. */
function poolIsWhole(replicas: readonly Replica[], open: readonly Allocation[], count: number): void {
  const allocated = replicas.filter(({ allocationId }) => allocationId !== null);
  const quarantined = replicas.filter((replica) => replica.quarantinedAt !== null && replica.allocationId === null);
  const free = replicas.filter((replica) => replica.quarantinedAt === null && replica.allocationId === null);
  expect(free.length + allocated.length + quarantined.length).toBe(count);
  expect(new Set(open.map(({ replicaId }) => replicaId)).size).toBe(open.length);
  const pairs = (list: readonly { replica: string; allocation: string }[]): string[] =>
    list.map(({ replica, allocation }) => `${replica} ${allocation}`).sort();
  expect(pairs(allocated.map(({ id, allocationId }) => ({ replica: id, allocation: allocationId! })))).toEqual(
    pairs(open.map(({ id, replicaId }) => ({ replica: replicaId, allocation: id }))),
  );
  expect(open.filter(({ state }) => state !== 'live')).toEqual([]);
}

function zoneAndEdgesAreThoseOf(
  open: readonly Allocation[],
  held: Snapshot,
  { zone, edgeIp }: Places['settings'],
): void {
  const names = open.map(({ id, organizationId }) => ({
    hostname: gatewayHostname(organizationId, zone.name),
    addresses: [edgeIp],
    owner: id,
  }));
  expect(held.dns).toEqual(names.sort((a, b) => a.hostname.localeCompare(b.hostname)));
  const routes = open.map(({ organizationId, address }) => `${gatewayHostname(organizationId, zone.name)} ${address}`);
  for (const edge of held.edges) expect(edge).toEqual({ edge: edge.edge, routes: routes.sort() });
}

/** Each agent serves the allocation that holds it; one that nobody holds may not have heard that an older one is over. */
function agentsServe(open: readonly Allocation[], held: Snapshot): void {
  const byReplica = new Map(open.map(({ id, replicaId }) => [replicaId, id]));
  for (const { id, serves } of held.agents)
    if (byReplica.has(id)) expect({ id, serves }).toEqual({ id, serves: byReplica.get(id) });
    else expect(open.map((allocation) => allocation.id)).not.toContain(serves);
}

async function edgesAreRight(store: Store): Promise<void> {
  const head = await store.routes.head();
  for (const { name, behindSince, liveRevision } of await store.edges.list())
    expect({ name, behindSince, liveRevision }).toEqual({ name, behindSince: null, liveRevision: head });
}

/** Whatever was accepted has ended, with a reason where it did not succeed, and no attempt of it is open. */
async function everyRunEnded(store: Store, accepted: ReadonlySet<string>): Promise<void> {
  const runs = await allRuns(store);
  expect(runs.filter(({ state }) => !isTerminal(state))).toEqual([]);
  expect(runs.filter(({ state, error }) => state !== 'succeeded' && error === null)).toEqual([]);
  const known = new Set(runs.map(({ id }) => id));
  expect([...accepted].filter((id) => !known.has(id))).toEqual([]);
  const entries = new Map<string, JournalEntry[]>();
  let last = 0;
  for await (const entry of allEntries(store)) {
    expect(entry.seq).toBeGreaterThan(last);
    last = entry.seq;
    entries.set(entry.runId, [...(entries.get(entry.runId) ?? []), entry]);
  }
  for (const [runId, ofRun] of entries) expect({ runId, open: openAttempts(ofRun) }).toEqual({ runId, open: [] });
}

async function nothingRunsIn({ address, namespace }: Places['settings']['temporal']): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    const { workflow } = new Client({ connection, namespace });
    expect((await workflow.count("ExecutionStatus = 'Running'")).count).toBe(0);
  } finally {
    await connection.close();
  }
}

/** Every run that the store knows. */
export async function allRuns(store: Store): Promise<Run[]> {
  const runs: Run[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.journal.runs({ limit: 100, ...(cursor !== undefined && { cursor }) });
    runs.push(...page.runs);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return runs;
}

/** The whole journal, in order. */
export async function* allEntries(store: Store): AsyncGenerator<JournalEntry> {
  let last = 0;
  for (;;) {
    const page = await store.journal.after(last, { limit: 1_000 });
    if (page.length === 0) return;
    yield* page;
    last = page.at(-1)!.seq;
  }
}
