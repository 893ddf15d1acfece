import { setHandler } from '@temporalio/workflow';
import type { Told } from '../../domain/rollout/contract';
import type { DeploymentState } from '../../domain/deploy/states';
import type { Course } from './course';
import { wantedSignal } from './messages';
import type { Said } from './window';

/** Where nothing is live, and no swap is being made. */
const beforeSwap: readonly DeploymentState[] = ['submitting', 'in_progress', 'pending_cutover'];

/**
 * What an operation is told by its apply. What is said in a state that forbids it is done when it can be: a swap ends one
 * way or the other before anything else.
 */
export class Orders implements Said {
  skipped = false;
  windowOver = false;
  acceptLosses = false;
  readonly deciding = 0;
  /** Whether it is to rest as it is. */
  stopping = false;
  private told: Pick<Told, 'wanted' | 'acceptLosses'> | null = null;
  /** Whether whoever is at work looks for it by themselves. */
  private isUnheard = false;

  constructor(
    private readonly course: Course,
    /** Ends what is being done. */
    private readonly interrupt: () => void,
    /** Called with what the store says to a move. */
    private readonly onRefused: (error: unknown) => void,
  ) {
    setHandler(wantedSignal, (told) => this.hear(told));
  }

  hear(told: Pick<Told, 'wanted' | 'acceptLosses'>): void {
    if (this.isUnheard) return;
    this.told = told;
    this.obey();
  }

  /** Does something that looks in the row of the operation for what is wanted, so that it is not to be heard, too. */
  async unheard<T>(action: () => Promise<T>): Promise<T> {
    this.isUnheard = true;
    this.told = null;
    try {
      return await action();
    } finally {
      this.isUnheard = false;
    }
  }

  /** Begins with what is in the row of the operation; what was heard meanwhile is newer. */
  begin(standing: { readonly wanted: Told['wanted'] | null; readonly acceptLosses: boolean }): void {
    const { wanted, acceptLosses } = standing;
    this.acceptLosses = acceptLosses;
    if (wanted !== null) this.told ??= { wanted, acceptLosses };
    this.obey();
  }

  /** Does what was said, as far as it can be done now. */
  obey(): void {
    const { course, told } = this;
    if (!course.isKnown || told === null) return;
    const { state } = course;
    switch (told.wanted) {
      case 'stop':
      case 'cancel':
        if (!beforeSwap.includes(state)) return;
        if (told.wanted === 'stop') this.stopping = true;
        else this.enter('cancel');
        this.interrupt();
        break;
      case 'revert':
        // It was found in the row before.
        if (state === 'in_progress_revert') break;
        if (state !== 'complete_pending_revert') return;
        this.acceptLosses = told.acceptLosses ?? false;
        this.enter('revert');
        break;
      case 'cut_over':
      case 'skip_revert':
        // Whoever waits for it finds it in the row.
        break;
    }
    this.told = null;
  }

  private enter(move: 'cancel' | 'revert'): void {
    this.course.enter(move, move === 'revert' ? { error: null } : {}).catch(this.onRefused);
  }
}
