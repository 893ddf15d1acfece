import { decideCopies, decideCutovers, goers, onceBegun } from '../../../domain/rollout/claims';
import type { Claimable, Rollout } from '../../../domain/rollout/claims';
import { inOrder } from '../../../domain/rollout/operation';
import { defaultRetryBudget } from '../../../domain/rollout/retry';
import { isTerminal, normalState } from '../../../domain/rollout/states';
import { verdictOf } from '../../../domain/rollout/verdict';
import type { Case } from '../../support/cases';

interface RowOperation {
  readonly apply?: string;
  readonly deployment: string;
  readonly state: string;
  readonly heartbeat: string;
  readonly on_failure?: string;
  readonly cutover_policy?: string;
  readonly created_at?: string;
}

/** A row about who goes on next. */
export interface ClaimCase extends Case {
  readonly gate: 'copy' | 'cutover' | 'store';
  readonly rows: readonly RowOperation[];
  /** How many want to claim at the same moment. */
  readonly concurrency?: number;
  readonly parent_state?: string;
  readonly parent?: { readonly attempt: number | 'max' | 'max-1'; readonly heartbeat: string };
  readonly control_requests?: readonly { readonly operation: string; readonly status: string }[];
  readonly apply_options?: { readonly defer_cutover?: boolean };
  readonly expected: Readonly<Record<string, unknown>>;
}

type Claim = string | null;
type State = { -readonly [member in keyof Claimable]: Claimable[member] } & { startedAt: Date | null };

const now = Date.parse('2026-01-01');
const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const engine = 'mariadb';

/** The applies of a row, as far as they have come. */
class Rollouts {
  private readonly applies = new Map<string, State[]>();
  private requests: Rollout['requests'];

  constructor(private readonly row: ClaimCase) {
    for (const each of row.rows) {
      const name = each.apply ?? '';
      this.applies.set(name, [...(this.applies.get(name) ?? []), operationOf(each, row)]);
    }
    const isAsked = (operation: string): boolean =>
      (row.control_requests ?? []).some((each) => each.operation === operation && each.status === 'pending');
    this.requests = { stop: isAsked('stop'), start: isAsked('start'), pause: isAsked('pause') };
  }

  /** Who goes on: the first of all applies, with the name of its apply where there are several. */
  get next(): Claim {
    const decide = this.row.gate === 'copy' ? decideCopies : decideCutovers;
    for (const [name, operations] of this.applies) {
      const [first] = goers(decide(this.rollout(operations)));
      if (first !== undefined) return name === '' ? first : `${name}/${first}`;
    }
    return null;
  }

  /** The next begins. */
  begin(): Claim {
    const claimed = this.next;
    const operation = claimed === null ? undefined : this.find(claimed);
    if (operation) {
      const begun = onceBegun(operation, engine, new Date(now));
      Object.assign(operation, begun, this.row.gate === 'cutover' && { state: 'cutting_over' }, { worker: 'alive' });
    }
    return claimed;
  }

  complete(name: string): void {
    Object.assign(this.find(name), { state: 'completed', worker: 'none' });
  }

  stopIsDone(): void {
    this.requests = { ...this.requests, stop: false };
  }

  find(name: string): State {
    const [operation, apply = ''] = name.split('/').reverse() as [string, string?];
    return this.applies.get(apply)!.find(({ id }) => id === operation)!;
  }

  private rollout(operations: readonly Claimable[]): Rollout {
    const cutover = this.row.rows[0]!.cutover_policy ?? '';
    const deferred = this.row.apply_options?.defer_cutover ?? false;
    return { operations, cutover, copies: 1, deferred, revertTogether: false, requests: this.requests, now };
  }
}

/** A heart that has not beaten for more than a minute is one that nobody works by. */
function operationOf(each: RowOperation, row: ClaimCase): State {
  const state = normalState(each.state);
  const isRetried = state === 'failed_retryable';
  const heartbeat = isRetried ? row.parent!.heartbeat : each.heartbeat;
  const isBegun = isRetried
    ? row.parent_state !== state
    : !isTerminal(state) && state !== 'pending' && state !== 'waiting_for_deploy';
  const attempt = row.parent?.attempt ?? 0;
  const { attempts: most } = defaultRetryBudget;
  const attempts = attempt === 'max' ? most : attempt === 'max-1' ? most - 1 : attempt;
  return {
    ...{ id: each.deployment, deployment: each.deployment, state, released: false, onFailure: each.on_failure },
    startedAt: isBegun ? new Date(0) : null,
    worker: !isBegun ? 'none' : ageOf(heartbeat) > 60_000 ? 'lost' : 'alive',
    tried: isRetried ? { attempts, since: now - ageOf(heartbeat) } : null,
  };
}

function ageOf(heartbeat: string): number {
  const [, amount, unit] = /^stale-(\d+)([mhd])$/.exec(heartbeat) ?? [];
  if (amount === undefined && heartbeat !== 'fresh') throw new Error(`no heart beats like ${heartbeat}`);
  return amount === undefined ? 0 : Number(amount) * units[unit!]!;
}

/** Runs a row about a claim; each of its expectations is one that is known. */
export function expectClaim(row: ClaimCase): void {
  const rollouts = new Rollouts(row);
  const { expected } = row;
  const first = rollouts.next;
  const before = first === null ? null : rollouts.find(first).state;
  if ('claimed' in expected) expect(first).toBe(expected.claimed);
  const checks: Readonly<Record<string, (value: unknown) => void>> = {
    // The lease of a poller; an operation of Gatewright is a workflow.
    lease: () => undefined,
    claimed: (value) => expect(value === null || rollouts.begin()).toBe(value ?? true),
    returned_state: (value) => expect(before).toBe(value),
    persisted_state: (value) => expect(rollouts.find(first!).state).toBe(value),
    started_at: (value) => expect(rollouts.find(first!).startedAt !== null).toBe(value === 'set'),
    second_claim: (value) => expect(rollouts.next).toBe(value),
    sequence: (value) => expectSequence(rollouts, value as readonly string[]),
    between: (value) => expect(value).toBeNull(),
    at_end: (value) => expect(rollouts.next).toBe(value),
    after_stop_completed(value) {
      rollouts.stopIsDone();
      expect(rollouts.next).toBe(value);
    },
    after_region_a_completed(value) {
      rollouts.complete('region-a');
      expect(rollouts.next).toBe(value);
    },
  };
  for (const [what, value] of Object.entries(expected)) {
    if (!checks[what]) throw new Error(`nobody knows how to look at ${what}`);
    checks[what](value);
  }
}

/** One after another; while one is at it, nobody is next. */
function expectSequence(rollouts: Rollouts, sequence: readonly string[]): void {
  for (const name of sequence) {
    expect(rollouts.begin()).toBe(name);
    expect(rollouts.next).toBeNull();
    rollouts.complete(name);
  }
}

/** Runs a row about what is kept of operations, as far as it is a rule. */
export function expectKept({ rows, expected }: ClaimCase): void {
  const deployment = (id: string, createdAt = '2026-01-01'): { id: string; createdAt: Date } => ({
    ...{ id, createdAt: new Date(createdAt) },
  });
  const checks: Readonly<Record<string, (value: unknown) => void>> = {
    duplicate: () =>
      expect(() => inOrder([deployment('a'), deployment('b'), deployment('a')])).toThrow('a has an operation'),
    order: (value) =>
      expect(inOrder(rows.map((row) => deployment(row.deployment, row.created_at))).map(({ id }) => id)).toEqual(value),
    completed_at(value) {
      for (const [state, kept] of Object.entries(value as Readonly<Record<string, unknown>>))
        expect(completedAt(state)).toEqual(kept === 'set' ? new Date(now) : null);
    },
  };
  for (const [what, value] of Object.entries(expected)) {
    if (!checks[what]) throw new Error(`nobody knows how to look at ${what}`);
    checks[what](value);
  }
}

function completedAt(state: string): Date | null {
  const row = { id: 'o', applyId: 'a', position: 0, state, startedAt: null };
  const stored = { state: 'running', completedAt: null, error: null } as const;
  return verdictOf({ applyId: 'a', expected: 1, rows: [row], stored, at: new Date(now) }).completedAt;
}
