import { ApplyState, applyStateFacts, normalState } from './states';

/** Words of the setup, the least advanced first. */
const setupPhases = Object.values(ApplyState).filter((state) => applyStateFacts[state].setup);

/** How often each state occurs among several. */
export class Tally {
  private readonly counts = new Map<ApplyState, number>();
  private total = 0;

  add(state: ApplyState): void {
    this.counts.set(state, (this.counts.get(state) ?? 0) + 1);
    this.total++;
  }

  has(...states: readonly ApplyState[]): boolean {
    return states.some((state) => this.counts.has(state));
  }

  /** Whether there is one in a state, and all others are completed. */
  waitsOnlyIn(state: ApplyState): boolean {
    return this.has(state) && this.count(state) + this.count('completed') === this.total;
  }

  /** The state of all of them as one, without regard for what a failure means to the others. */
  get base(): ApplyState {
    if (this.total === 0) return 'pending';
    return this.bad ?? (this.count('completed') === this.total ? 'completed' : this.underway);
  }

  /** What outranks everything: the worst first. */
  private get bad(): ApplyState | undefined {
    const worst = ['failed', 'failed_retryable', 'cancelled', 'stopped', 'reverting', 'reverted'] as const;
    return worst.find((state) => this.has(state));
  }

  private get underway(): ApplyState {
    if (this.has('recovering')) return 'recovering';
    // A cut-over is told when nothing behind it is left to do: otherwise the state would go back after it.
    const isBehind = this.has('pending', 'running', 'catching_up', 'checksumming', 'post_checksum');
    if (this.has('cutting_over') && !isBehind) return 'cutting_over';
    if (this.waitsOnlyIn('waiting_for_cutover')) return 'waiting_for_cutover';
    if (this.waitsOnlyIn('waiting_for_deploy')) return 'waiting_for_deploy';
    if (this.has('revert_window')) return 'revert_window';
    if (this.has('running', 'running_degraded')) return 'running';
    const leastAdvanced = (['catching_up', 'checksumming', 'post_checksum'] as const).find((state) => this.has(state));
    // Those that have not begun have all their rows before them.
    if (this.has('pending') && (leastAdvanced || this.has('cutting_over'))) return 'running';
    const others: readonly ApplyState[] = [...setupPhases, 'resuming', 'skipping_revert', 'paused'];
    return leastAdvanced ?? others.find((state) => this.has(state)) ?? 'pending';
  }

  private count(state: ApplyState): number {
    return this.counts.get(state) ?? 0;
  }
}

/** The state of several tables or operations as one, without regard for policies. @param words in any case */
export function baseState(words: readonly string[]): ApplyState {
  const tally = new Tally();
  for (const word of words) tally.add(normalState(word));
  return tally.base;
}
