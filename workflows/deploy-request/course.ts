import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import type { Moving, Standing } from '../../activities/deploy/activities';
import type { Actable } from '../../domain/deploy/actions';
import type { DeploymentNow, RequestRef } from '../../domain/deploy/contract';
import type { ApplyNow } from '../../domain/rollout/contract';
import { movesTo } from '../../domain/rollout/follow';
import type { OwnMove } from '../../domain/rollout/words';
import { deploymentMoves, type DeploymentMoveName, type DeploymentState } from '../../domain/deploy/states';
import type { FailureCode } from '../../domain/failures';
import type { FailureView } from '../../domain/saga';
import type { DeployProxies } from './activities';
import { publishDeploymentState, publishRequest } from './attributes';

type Notes = Omit<Moving, keyof RequestRef | 'move' | 'at'>;

/**
 * Where a request stands, or the share of one deployment in it. What is decided holds from that moment on, so that
 * whatever comes next is judged by it; the store has it a moment later, in the same order.
 */
export class Course {
  /** Null until the store was asked. */
  private present: DeploymentState | null = null;
  private written: Promise<void> = Promise.resolve();
  deployed = false;
  closed = false;
  instant = false;
  autoCutover = false;
  /** Requests before it, first come first; null until the queue has told. */
  preceding: readonly number[] | null = null;
  /** Whether it has given its place back. */
  left = false;
  error: FailureView | null = null;
  /** Time in milliseconds; null also of an operation, whose apply says when it is over. */
  revertWindowEndsAt: number | null = null;
  /** Whether it goes over several deployments. */
  several = false;
  /** The apply that it has then, from its roll-out on. */
  apply: ApplyNow | null = null;
  /** Called when it has moved on. */
  onEntered: () => void = () => undefined;
  /** What is said of it in Temporal. */
  identity = { database: '', branch: '', number: 0 };

  constructor(
    private readonly ref: RequestRef,
    private readonly act: DeployProxies,
  ) {}

  begin({ state, revertWindowEndsAt, database, branch, ...standing }: Standing): void {
    const { deployed, closed, instant, autoCutover, error } = standing;
    Object.assign(this, { deployed, closed, instant, autoCutover, error });
    this.present = state;
    // Runs that began before there were such, know of neither.
    this.several = standing.several ?? false;
    this.apply = standing.apply ?? null;
    this.revertWindowEndsAt = revertWindowEndsAt === null ? null : Date.parse(revertWindowEndsAt);
    this.identity = { database, branch, number: this.ref.number };
    // An operation is found by that from the start, and its state is that of its row.
    if (this.ref.operation) return;
    publishRequest(this.identity);
    publishDeploymentState(state);
  }

  get isKnown(): boolean {
    return this.present !== null;
  }

  get state(): DeploymentState {
    return this.present!;
  }

  get actable(): Actable {
    return { state: this.state, deployed: this.deployed, closed: this.closed, approvalMissing: false };
  }

  get now(): DeploymentNow {
    return { state: this.present ?? 'pending', preceding: this.preceding ?? [], error: this.error };
  }

  /** When the time for a revert ends that begins now. @param ms how long it is */
  windowFrom(ms: number): Pick<Notes, 'revertWindowEndsAt'> {
    // Over several deployments it begins when all of them are live, which their apply knows.
    return this.ref.operation ? {} : { revertWindowEndsAt: new Date(Date.now() + ms).toISOString() };
  }

  /** Moves on. @returns when the store has it. @throws ApplicationFailure STATE_CONFLICT */
  enter(move: DeploymentMoveName, notes: Notes = {}): Promise<void> {
    const { from, to } = deploymentMoves[move];
    if (!(from as readonly DeploymentState[]).includes(this.state)) {
      const code: FailureCode = 'STATE_CONFLICT';
      throw ApplicationFailure.nonRetryable(`cannot ${move}: deploy request is in state "${this.state}"`, code);
    }
    this.present = to;
    if (notes.error !== undefined) this.error = notes.error;
    if (notes.revertWindowEndsAt !== undefined) this.revertWindowEndsAt = Date.parse(notes.revertWindowEndsAt);
    if (!this.ref.operation) publishDeploymentState(to);
    const written = this.write(move, notes);
    this.onEntered();
    return written;
  }

  /** Goes on from a state that is written down already, by whoever did what leads there. */
  found(state: DeploymentState): void {
    this.present = state;
    this.onEntered();
  }

  /** Goes on from the state that the store has, where a workflow task was lost that had moved it. */
  resume(stored: DeploymentState): void {
    if (stored === this.state) return;
    this.present = stored;
    publishDeploymentState(stored);
  }

  /** Notes a move of an operation for which there is no word here. @returns when the store has it. */
  note(move: OwnMove, notes: Notes = {}): Promise<void> {
    return this.write(move, notes);
  }

  /** Follows an apply to a state, as far as a request says so. */
  async follow(to: DeploymentState, notes: Partial<Record<DeploymentMoveName, Notes>>): Promise<void> {
    for (const move of movesTo(this.state, to)) await this.enter(move, notes[move]);
  }

  private write(move: Moving['move'], notes: Notes): Promise<void> {
    const moving: Moving = { ...this.ref, ...notes, move, at: new Date().toISOString() };
    this.written = this.written.then(() => CancellationScope.nonCancellable(() => this.act.store.move(moving)));
    return this.written;
  }

  /** When the store has everything that was decided. */
  async settled(): Promise<void> {
    await CancellationScope.nonCancellable(() => this.written);
  }
}
