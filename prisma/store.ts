import type { Allocation, Edge, Replica, Route, AllocationState } from '../domain/gateway/allocation';
import type { JournalEntry, NewJournalEntry } from '../domain/journal';
import type { FailureView, SagaState } from '../domain/saga';
import type { RolloutStore } from './apply-store';
import type { Deploys } from './deploy-store';
import type { Fleet } from './fleet-store';
import type { Moves } from './move-store';

/** When a write may happen (design: compare-and-swap). */
export type Condition = 'MustCreate' | 'Unconditional' | { readonly MatchResourceVersion: number };

/** The pool of replicas and the allocations on them. Every method is one transaction. */
export interface Pool {
  /** Registers a replica (idempotent by id) with the hash of the secret it announces itself with. */
  register(replica: { id: string; name: string; secretHash: string }): Promise<Replica>;
  /**
   * A replica says that it is up, where, and which epoch it serves (0: none; a higher one than known here raises the
   * known one). Ends its quarantine unless an allocation holds it, or an edge may still send it the traffic of the
   * allocation whose release quarantined it.
   * @throws Failure FORBIDDEN when id and secret do not belong together (an unknown id looks the same).
   */
  announce(input: { id: string; secretHash: string; address: string; servingEpoch: number }): Promise<Replica>;
  /**
   * Takes one free replica for an organization, raising its epoch. Repeating it with the same allocation id answers
   * with the same allocation.
   * @throws Failure POOL_EMPTY when no replica is free; ALLOCATION_BUSY (data: allocationId, runId, state) when the
   * organization has another open allocation; ALLOCATION_GONE when this allocation was already released.
   */
  allocate(input: {
    allocationId: string;
    organizationId: string;
    hostname: string;
    runId: string;
  }): Promise<Allocation>;
  /** Moves an allocation on; repeating a move is a no-op. It is ended by `release` only.
   * @throws Failure STATE_CONFLICT (data: state) where `from` does not hold; NOT_FOUND. */
  move(allocationId: string, from: readonly AllocationState[], to: AllocationState): Promise<Allocation>;
  /**
   * Ends an allocation and frees its replica, or quarantines it with a reason. Correct when the allocation never
   * happened (a tombstone with that id then refuses a late `allocate`) and when repeated; a repeat
   * gives the quarantine that an earlier release of the *same allocation and epoch* set its own reason, and lifts it
   * when it has none.
   */
  release(input: { allocationId: string; organizationId: string; runId: string; quarantine?: string }): Promise<void>;
  quarantine(replicaId: string, reason: string): Promise<void>;
  /** A person puts a quarantined replica back; with `version`, the replica of that version only, in one attempt.
   * @throws Failure STATE_CONFLICT while an allocation holds it; CONFLICT (data: currentVersion) for a stale version. */
  readmit(replicaId: string, version?: number): Promise<Replica>;
  /** Lets nobody be given a replica any more; whoever holds it keeps it. Repeating it, or an unknown id, changes nothing. */
  withdraw(replicaId: string): Promise<void>;
  /**
   * Removes a replica from the pool for good. @returns whether it was there.
   * @param moving the allocation that is being moved away from it, and may hold it until then.
   * @throws Failure STATE_CONFLICT (data: allocationId) while another allocation holds it.
   */
  unregister(replicaId: string, moving?: string): Promise<boolean>;
  allocation(id: string): Promise<Allocation | null>;
  openAllocation(organizationId: string): Promise<Allocation | null>;
  /** Newest first; `before` is the id of the last allocation of the page before. */
  allocations(filter: {
    organizationId?: string;
    open?: boolean;
    limit: number;
    before?: string;
  }): Promise<Allocation[]>;
  replicas(): Promise<Replica[]>;
  replica(id: string): Promise<Replica | null>;
  /** Whether a replica is free, so that an allocation could be made now. */
  hasFree(): Promise<boolean>;
}

/** Desired routes; edges are derived from them. */
export interface Routes {
  /** Writes the route of an allocation; a repeat changes nothing. The revision is in commit order.
   * @throws Failure ALLOCATION_GONE when it was removed before (a late attempt); CONFLICT when another allocation has the host. */
  write(route: { allocationId: string; hostname: string; address: string }): Promise<{ revision: number }>;
  /** Removes it by allocation id, leaving a tombstone, also where it never was. */
  remove(allocationId: string): Promise<{ revision: number }>;
  /** Puts a removed route of a still open allocation back (a stop that was taken back). */
  restore(allocationId: string): Promise<{ revision: number }>;
  route(allocationId: string): Promise<Route | null>;
  /** Everything that changed after `revision`, in order, tombstones included; 0 for all. */
  changesSince(revision: number): Promise<Route[]>;
  /** The revision of the latest change. */
  head(): Promise<number>;
  /** Drops tombstones older than `age` ms that every edge has passed. */
  prune(ageMs: number): Promise<number>;
}

/** What is known of the edges. Numbers only rise. */
export interface Edges {
  register(name: string): Promise<Edge>;
  list(): Promise<Edge[]>;
  get(name: string): Promise<Edge | null>;
  /** The next generation number of an edge, for a holder of its lease only: higher than any claimed before and than
   * `above`, the one its disk holds (a store that was made anew counts on from there).
   * @throws Failure EDGE_FENCED when `lease` is not the present one. */
  claimGeneration(name: string, lease: Lease, above?: number): Promise<number>;
  /** Records a proven generation. @throws Failure EDGE_FENCED when a higher one is recorded or claimed by another lease. */
  recordLive(
    name: string,
    lease: Lease,
    live: { generation: number; revision: number; changes: number },
  ): Promise<Edge>;
  /** Notes that an edge does not carry what it should, keeping the first time. */
  markBehind(name: string, reason: string): Promise<Edge>;
  /** Forgets an edge, which then has to carry nothing any more. @returns false when there is none of that name. */
  remove(name: string): Promise<boolean>;
}

/** A hold on a name for a time. `version` rises with every acquire, renewal and steal: it is the fence. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly version: number;
  readonly acquiredAt: Date;
  readonly expiresAt: Date;
}

/** Leases. Clocks are those of the callers; a lease is good for `ttlMs` from its last renewal. */
export interface Leases {
  /** @throws Failure CONFLICT (data: reason 'AlreadyHeld', holder, expiresAt) while another holds it. */
  tryAcquire(name: string, holder: string, ttlMs: number): Promise<Lease>;
  /** @throws Failure CONFLICT while it has not expired. */
  trySteal(name: string, holder: string, ttlMs: number): Promise<Lease>;
  /** Acquires a free or expired lease; a holder's own is renewed. @throws Failure CONFLICT ('AlreadyHeld'). */
  acquireOrSteal(name: string, holder: string, ttlMs: number): Promise<Lease>;
  /** @throws Failure CONFLICT when it was stolen or released. */
  renew(lease: Lease, ttlMs: number): Promise<Lease>;
  /** Repeating it, or releasing what was stolen, changes nothing. */
  release(lease: Lease): Promise<void>;
  get(name: string): Promise<Lease | null>;
  list(prefix: string): Promise<Lease[]>;
}

/** A run as the store keeps it, after Temporal has forgotten it. */
export interface Run {
  readonly id: string;
  readonly kind: string;
  readonly organizationId: string;
  readonly state: SagaState;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly attentionSince: Date | null;
  readonly severity: 'warning' | 'critical' | null;
  readonly error: FailureView | null;
  readonly resourceVersion: number;
}

export interface RunFilter {
  readonly organizationId?: string;
  readonly kind?: string;
  readonly state?: SagaState;
  readonly needsAttention?: boolean;
  readonly limit: number;
  /** Opaque position from the page before. */
  readonly cursor?: string;
}

/** Which entries of the journal are read. */
export interface JournalFilter {
  readonly runId?: string;
  /** Of one of these; more than ten thousand are cut off. */
  readonly runIds?: readonly string[];
  readonly organizationId?: string;
  readonly limit: number;
}

/** The kept history. Appending the first entry of a run opens its row; `run.state` entries move it, never out of a terminal state. */
export interface Journal {
  /** Appends entries in one transaction and returns the sequence number of the last. @throws Failure STORE_UNAVAILABLE. */
  append(...entries: NewJournalEntry[]): Promise<number>;
  /**
   * Appends an entry that nobody waits for: with the next one that is appended, or within milliseconds, and before
   * whatever is appended later. While the store is away it keeps its place.
   */
  note(entry: NewJournalEntry): void;
  /** Resolves when everything that was appended and noted so far is stored, or could not be. */
  settled(): Promise<void>;
  /** The entries after `seq`, in order, never skipping one that is still being committed by another process. */
  after(seq: number, filter: JournalFilter): Promise<JournalEntry[]>;
  /** The seq of the newest entry below which none is still being committed, 0 when there is none. */
  head(): Promise<number>;
  /** Ends as `unknown` every attempt that a worker other than `alive` left open; returns how many. */
  closeOrphans(alive: readonly string[]): Promise<number>;
  run(id: string): Promise<Run | null>;
  /** Newest first. */
  runs(filter: RunFilter): Promise<{ runs: Run[]; cursor?: string }>;
  /** Oldest first. */
  attention(filter: { organizationId?: string; limit: number }): Promise<Run[]>;
  /** Numbers for /metrics: runs by kind and state. */
  counts(): Promise<{ kind: string; state: SagaState; count: number }[]>;
}

export type Scope = 'read' | 'operate' | 'admin';

/** An API token; its secret is only known to whoever was given it. */
export interface Token {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  /** The one organization it may see; null for all. */
  readonly organizationId: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface Tokens {
  /** Stores a new token's hash. @throws Failure CONFLICT when the id exists. */
  create(token: {
    id: string;
    name: string;
    secretHash: string;
    scope: Scope;
    organizationId: string | null;
    expiresAt: Date | null;
  }): Promise<Token>;
  find(id: string): Promise<(Token & { secretHash: string }) | null>;
  list(): Promise<Token[]>;
  /** @throws Failure NOT_FOUND */
  revoke(id: string): Promise<Token>;
  touch(id: string): Promise<void>;
}

/** The stored answer to a request with an Idempotency-Key. */
export interface IdempotencyRecord {
  readonly scope: string;
  readonly key: string;
  readonly bodyHash: string;
  /** The id minted for the work, so that a repeat finds the same run. */
  readonly subject: string;
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: unknown;
  /** While set and in the future, somebody is answering. */
  readonly lockedUntil: Date | null;
}

export interface Idempotency {
  /**
   * Begins an answer: creates the record or finds the one there.
   * @returns the record and whether this caller holds its lock (a new record, or one whose lock had expired unanswered).
   * @throws Failure IDEMPOTENCY_KEY_REUSED for another body, IDEMPOTENCY_KEY_IN_FLIGHT while another is answering.
   */
  begin(input: {
    scope: string;
    key: string;
    bodyHash: string;
    subject: string;
    lockMs: number;
  }): Promise<{ record: IdempotencyRecord; mine: boolean }>;
  /** Stores the answer for `ttlMs`. */
  finish(
    scope: string,
    key: string,
    answer: { status: number; headers: Record<string, string>; body: unknown },
    ttlMs: number,
  ): Promise<void>;
  /** Gives the lock back without an answer; the subject stays. */
  abandon(scope: string, key: string): Promise<void>;
  prune(): Promise<number>;
}

export interface Webhook {
  readonly id: string;
  readonly url: string;
  /** Reference to where the signing secret is kept (the store keeps it encrypted or outside; see webhooks.ts). */
  readonly secret: string;
  readonly events: readonly string[];
  readonly organizationId: string | null;
  /** The database whose events it is told of; null where it is told of runs. */
  readonly databaseId: string | null;
  readonly createdAt: Date;
  /** Null where it was never changed. */
  readonly updatedAt: Date | null;
  readonly disabledAt: Date | null;
  readonly resourceVersion: number;
}

export interface WebhookDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly event: string;
  readonly runId: string;
  readonly payload: unknown;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
}

export interface Webhooks {
  create(input: {
    id: string;
    url: string;
    secret: string;
    events: readonly string[];
    organizationId: string | null;
    databaseId?: string | null;
  }): Promise<Webhook>;
  /** Those that are told of runs. */
  list(): Promise<Webhook[]>;
  /** Those of a database, oldest first. */
  ofDatabase(organizationId: string, databaseId: string): Promise<Webhook[]>;
  /** @throws Failure NOT_FOUND */
  update(
    id: string,
    change: Partial<Pick<Webhook, 'url' | 'disabledAt'>> & { readonly events?: readonly string[] },
  ): Promise<Webhook>;
  /** Plans the delivery of a test to a webhook of a database, whatever it is told of otherwise. */
  test(webhook: Webhook): Promise<void>;
  get(id: string): Promise<Webhook | null>;
  remove(id: string): Promise<boolean>;
  /** Plans the deliveries of journal entries up to `seq`, exactly once each across processes; returns how many. */
  plan(entries: readonly JournalEntry[], upTo: number): Promise<number>;
  /** The seq up to which deliveries were planned. */
  planned(): Promise<number>;
  /** Takes due deliveries for `leaseMs`, so that no other process sends them meanwhile. */
  takeDue(limit: number, leaseMs: number): Promise<(WebhookDelivery & { webhook: Webhook })[]>;
  recordAttempt(
    id: string,
    result: { delivered: boolean; status: number | null; error: string | null; nextAttemptAt: Date | null },
  ): Promise<void>;
  deliveries(webhookId: string, limit: number): Promise<WebhookDelivery[]>;
}

/** Everything that Gatewright keeps, over SQLite or PostgreSQL. */
export interface Store {
  readonly pool: Pool;
  readonly moves: Moves;
  readonly routes: Routes;
  readonly edges: Edges;
  readonly leases: Leases;
  readonly journal: Journal;
  readonly tokens: Tokens;
  readonly idempotency: Idempotency;
  readonly webhooks: Webhooks;
  readonly fleet: Fleet;
  readonly deploys: Deploys;
  /** The deploys of databases over several deployments; those of gateways' profiles are in {@link fleet}. */
  readonly rollouts: RolloutStore;
  readonly provider: 'sqlite' | 'postgresql';
  /** @throws Failure STORE_UNAVAILABLE */
  ping(): Promise<void>;
  close(): Promise<void>;
}
