/**
 * The state of an apply, and of each of its operations. An operation is never `running_degraded` or `paused`: those two
 * say something of several. The setup phases are those of an engine that works through branches of a service of its own.
 */
export const ApplyState = {
  pending: 'pending',
  preparingBranch: 'preparing_branch',
  applyingBranchChanges: 'applying_branch_changes',
  validatingBranch: 'validating_branch',
  creatingDeployRequest: 'creating_deploy_request',
  validatingDeployRequest: 'validating_deploy_request',
  running: 'running',
  runningDegraded: 'running_degraded',
  catchingUp: 'catching_up',
  checksumming: 'checksumming',
  postChecksum: 'post_checksum',
  paused: 'paused',
  resuming: 'resuming',
  waitingForDeploy: 'waiting_for_deploy',
  waitingForCutover: 'waiting_for_cutover',
  cuttingOver: 'cutting_over',
  recovering: 'recovering',
  revertWindow: 'revert_window',
  skippingRevert: 'skipping_revert',
  reverting: 'reverting',
  failedRetryable: 'failed_retryable',
  stopped: 'stopped',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  reverted: 'reverted',
} as const;
export type ApplyState = (typeof ApplyState)[keyof typeof ApplyState];

/** What is true of every apply and every operation in a state. */
export interface ApplyStateFacts {
  /** For people, a sentence. */
  readonly says: string;
  /** Whether nothing goes on by itself any more. */
  readonly terminal: boolean;
  /** Whether it has ended for good: what was stopped can be started again, so it still holds its deployment. */
  readonly settled: boolean;
  /** Whether it is one of the words for work under way between the first row and the cut-over. */
  readonly running: boolean;
  /** Whether the engine is still preparing, before the first row. */
  readonly setup: boolean;
}

const open = { terminal: false, settled: false, running: false, setup: false } as const;
const setup = { ...open, setup: true } as const;
const running = { ...open, running: true } as const;
const over = { ...open, terminal: true, settled: true } as const;

export const applyStateFacts: Readonly<Record<ApplyState, ApplyStateFacts>> = {
  pending: { ...open, says: 'It waits for its turn' },
  preparing_branch: { ...setup, says: 'A branch is prepared for it' },
  applying_branch_changes: { ...setup, says: 'Its changes are made in the branch' },
  validating_branch: { ...setup, says: 'The branch is checked' },
  creating_deploy_request: { ...setup, says: 'A deploy request is opened for the branch' },
  validating_deploy_request: { ...setup, says: 'The deploy request is checked' },
  running: { ...running, says: 'Rows are copied' },
  running_degraded: { ...running, says: 'A deployment has failed; others go on' },
  catching_up: { ...running, says: 'Everything is copied; what was written meanwhile is brought up to date' },
  checksumming: { ...running, says: 'Both sides are compared' },
  post_checksum: { ...running, says: 'Both sides are equal; what was written meanwhile is brought up to date' },
  paused: { ...open, says: 'It is held until somebody releases it' },
  resuming: { ...open, says: 'It was stopped and goes on' },
  waiting_for_deploy: { ...open, says: 'It waits for somebody to start it' },
  waiting_for_cutover: { ...open, says: 'Everything is copied; it waits for its cut-over' },
  cutting_over: { ...open, says: 'The new tables take the place of the old' },
  recovering: { ...open, says: 'A cut-over was cut off; what came of it is found out' },
  revert_window: { ...open, says: 'It is live, and can be reverted' },
  skipping_revert: { ...open, says: 'Nobody wants to revert it; the old tables are removed' },
  reverting: { ...open, says: 'The old tables are put back' },
  failed_retryable: { ...open, says: 'It failed and is tried again' },
  stopped: { ...open, terminal: true, says: 'It was stopped and can be started again' },
  completed: { ...over, says: 'It is live' },
  failed: { ...over, says: 'It failed' },
  cancelled: { ...over, says: 'It was cancelled; everything is as it was' },
  reverted: { ...over, says: 'It was live and was taken back, with everything written since' },
};

/** Every word for a state; some have another. */
const words: ReadonlyMap<string, ApplyState> = new Map<string, ApplyState>([
  ...Object.values(ApplyState).map((state) => [state, state] as const),
  ...([
    ['complete', 'completed'],
    ['recovering_cutover', 'recovering'],
  ] as const),
]);

/** The state that a word means, in any case and with or without `STATE_` before it; null for one that nobody knows. */
export function knownState(word: string): ApplyState | null {
  // Most are written as they are here; there may be very many.
  return words.get(word) ?? words.get(word.toLowerCase().replace(/^state_/, '')) ?? null;
}

/** The same; a word that nobody knows has not begun. */
export function normalState(word: string): ApplyState {
  return knownState(word) ?? ApplyState.pending;
}

/** Whether nothing goes on by itself in a state. */
export function isTerminal(word: string): boolean {
  return applyStateFacts[normalState(word)].terminal;
}

/** Whether a state is the last one: nothing is written any more, and nothing will be. */
export function isSettled(word: string): boolean {
  return applyStateFacts[normalState(word)].settled;
}

/** Whether a state is one of those between the first row and the cut-over. */
export function isRunning(word: string): boolean {
  return applyStateFacts[normalState(word)].running;
}

/** Whether a state is one of those before the first row. */
export function isSetupPhase(word: string): boolean {
  return applyStateFacts[normalState(word)].setup;
}

/** What an operation is in once its engine has begun. @param engine its name, as people or programs write it */
export function initialActiveState(engine: string): ApplyState {
  const plain = engine.toLowerCase().replace(/^engine_/, '');
  return plain === 'planetscale' ? ApplyState.preparingBranch : ApplyState.running;
}
