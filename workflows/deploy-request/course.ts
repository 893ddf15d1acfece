import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import type { Moving, Standing } from '../../activities/deploy/activities';
import type { Actable } from '../../domain/deploy/actions';
import type { DeploymentNow, RequestRef } from '../../domain/deploy/contract';
import { deploymentMoves, type DeploymentMoveName, type DeploymentState } from '../../domain/deploy/states';
import type { FailureCode } from '../../domain/failures';
import type { FailureView } from '../../domain/saga';
import type { DeployProxies } from './activities';
import { publishDeploymentState, publishRequest } from './attributes';

type Notes = Omit<Moving, keyof RequestRef | 'move' | 'at'>;

/**
 * Where a request stands. What is decided holds from that moment on, so that whatever comes next is judged by it; the
 * store has it a moment later, in the same order.
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
  /** Time in milliseconds. */
  revertWindowEndsAt: number | null = null;

  constructor(
    private readonly ref: RequestRef,
    private readonly act: DeployProxies,
  ) {}

  begin({
    state,
    revertWindowEndsAt,
    database,
    branch,
    deployed,
    closed,
    instant,
    autoCutover,
    error,
  }: Standing): void {
    Object.assign(this, { deployed, closed, instant, autoCutover, error });
    this.present = state;
    this.revertWindowEndsAt = revertWindowEndsAt === null ? null : Date.parse(revertWindowEndsAt);
    publishRequest({ database, branch, number: this.ref.number });
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
    publishDeploymentState(to);
    const moving: Moving = { ...this.ref, ...notes, move, at: new Date().toISOString() };
    this.written = this.written.then(() => CancellationScope.nonCancellable(() => this.act.store.move(moving)));
    return this.written;
  }

  /** When the store has everything that was decided. */
  async settled(): Promise<void> {
    await CancellationScope.nonCancellable(() => this.written);
  }
}
