import type { ApplyOperation, ApplyRecord, Asked, Wanted } from './apply';
import { readApplyOperation } from './apply-row';
import { isBeforeLive } from './actions';
import type { Claimable, Requests, Rollout } from './claims';
import type { Decided, DecidedMove, OperationNotes } from './decided';
import { gatesOf, type Gate, type Override } from './gates';
import { operationMoves, type OperationMoveName } from './moves';
import type { Blame } from './operation';
import { policyOf } from './policy';
import { isSettled, type ApplyState } from './states';
import { verdictOf } from './verdict';

/** An operation on the board. */
export interface Piece {
  readonly row: ApplyOperation;
  /** Its state once what is decided so far is written. */
  state: ApplyState;
  /** Whether somebody works on it, or is about to: `lost` is one that was begun, and has nobody any more. */
  worker: 'none' | 'alive' | 'lost';
}

/** What needs nobody who works on it, whoever did before. */
const resting: ReadonlySet<ApplyState> = new Set(['pending', 'waiting_for_deploy', 'failed_retryable', 'stopped']);

/** The operations of an apply at one moment, and what is decided of them. */
export class Board {
  /** In the order of the rollout; only those that can be read. */
  readonly pieces: readonly Piece[];
  /** The rows that cannot be read, or are missing; while there is one, nothing begins. */
  readonly blamed: readonly Blame[];
  readonly gates: ReadonlyMap<string, Gate>;
  private readonly claimed = new Set<string>();
  private readonly wants = new Map<string, Wanted>();
  private readonly moves: DecidedMove[] = [];
  private readonly reasons = new Map<string, string>();
  private readonly done = new Set<keyof Asked>();
  private readonly byId: ReadonlyMap<string, Piece>;
  private dueAt = Infinity;
  /** The place of the first failure that lets nobody behind it go on. */
  private haltAt = Infinity;
  revertWindowEndsAt: Date | null = null;

  constructor(
    readonly apply: ApplyRecord,
    rows: readonly unknown[],
    overrides: readonly Override[],
    readonly now: Date,
  ) {
    const { id: applyId, expected, settings } = apply;
    const operations: ApplyOperation[] = [];
    const unreadable: Blame[] = [];
    for (const row of rows) {
      const operation = readApplyOperation(row, applyId);
      if (typeof operation === 'string') unreadable.push({ operation: 'unknown', reason: operation });
      else operations.push(operation);
    }
    operations.sort((one, other) => one.position - other.position);
    const isEach = operations.length === expected && operations.every(({ position }, i) => position === i);
    this.blamed = isEach && unreadable.length === 0 ? [] : blamedOf(apply, rows, unreadable, now);
    this.pieces = operations.map((row) => ({ row, state: row.state, worker: workerOf(row) }));
    this.byId = new Map(this.pieces.map((piece) => [piece.row.id, piece]));
    this.gates = gatesOf(settings.environments, operations, overrides);
    this.pieces.forEach((piece) => this.regard(piece));
  }

  /** Whether everything is known, so that something may begin. */
  get isWhole(): boolean {
    return this.blamed.length === 0;
  }

  /** Whether what is not live is to be as it was before. */
  get isTakenBack(): boolean {
    return this.apply.asked.cancel !== null || this.apply.asked.revert !== null;
  }

  /** Whether something that is not live yet may become so. */
  get mayCutOver(): boolean {
    return !this.isWhole || this.pieces.some((piece) => isBeforeLive(piece.state) && !this.isHalted(piece));
  }

  /** Whether it comes behind a failure that lets nobody go on. */
  isHalted({ row }: Piece): boolean {
    return row.position > this.haltAt;
  }

  /** What the rules of claims are asked with. */
  rollout(requests: Requests, deferred: boolean): Rollout {
    const { cutover, copies, revertTogether } = this.apply.settings;
    const operations = this.pieces.map((piece) => this.claimable(piece));
    return { operations, cutover, copies, deferred, revertTogether, requests, now: +this.now };
  }

  /** Has a workflow begun for one. */
  claim(piece: Piece): void {
    this.claimed.add(piece.row.id);
    piece.worker = 'alive';
  }

  isClaimed({ row }: Piece): boolean {
    return this.claimed.has(row.id);
  }

  want({ row }: Piece, wanted: Wanted): void {
    this.wants.set(row.id, wanted);
  }

  /** What one is to do: what was wanted now, or before and is not done. */
  wanted({ row, state }: Piece): Wanted | null {
    return this.wants.get(row.id) ?? (isSettled(state) || resting.has(state) ? null : row.wanted);
  }

  move(piece: Piece, move: OperationMoveName, notes: OperationNotes = {}): void {
    // What was wanted of it before is of no matter where it stands then.
    this.moves.push({ operationId: piece.row.id, move, notes: { wanted: null, waits: null, ...notes } });
    piece.state = operationMoves[move].to;
    this.regard(piece);
  }

  wait({ row }: Piece, reason: string): void {
    this.reasons.set(row.id, reason);
  }

  over(asked: keyof Asked): void {
    if (this.apply.asked[asked] !== null) this.done.add(asked);
  }

  /** Has this looked at again at a time. */
  wake(at: number): void {
    this.dueAt = Math.min(this.dueAt, at);
  }

  /** Time in milliseconds at which something is due by itself; null where nothing is. */
  get wakesAt(): number | null {
    return this.dueAt === Infinity ? null : this.dueAt;
  }

  get decided(): Decided {
    // What was wanted before is not written again.
    const want = [...this.wants].filter(
      ([id, wanted]) => this.byId.get(id)!.row.wanted !== wanted || this.claimed.has(id),
    );
    return {
      claim: [...this.claimed],
      want: Object.fromEntries(want),
      moves: this.moves,
      waits: Object.fromEntries(this.reasons),
      revertWindowEndsAt: this.revertWindowEndsAt,
      over: [...this.done],
    };
  }

  private regard({ row, state }: Piece): void {
    if (state === 'failed' && policyOf(row) === 'halt') this.haltAt = Math.min(this.haltAt, row.position);
  }

  piece(id: string): Piece {
    return this.byId.get(id)!;
  }

  private claimable({ row, state, worker }: Piece): Claimable {
    const { id, deployment, environment, onFailure, released, attempts, firstFailedAt } = row;
    const tried = firstFailedAt === null ? null : { attempts, since: +firstFailedAt };
    // Each environment that an operation is of has a gate.
    const gate = this.gates.get(environment)!;
    return { id, deployment, state, worker, tried, onFailure, released, gate };
  }
}

/** What is wrong with the rows, where something is. */
function blamedOf(
  apply: ApplyRecord,
  rows: readonly unknown[],
  unreadable: readonly Blame[],
  at: Date,
): readonly Blame[] {
  const { id: applyId, expected } = apply;
  const { blamed } = verdictOf({ applyId, expected, rows, stored: apply, at });
  return blamed.length > 0 ? blamed : unreadable;
}

function workerOf({ worker, state }: ApplyOperation): Piece['worker'] {
  if (worker === 'claimed') return 'alive';
  // Whoever ended in the middle of something is as good as gone.
  if (worker === 'none' && !isSettled(state) && !resting.has(state)) return 'lost';
  return worker;
}
