/**
 * The state of a deploy request's deployment, by the 20 words that PlanetScale's clients decode. The two `vschema` states
 * are theirs alone: a schema of Gatewright has no routing beside its tables, so no request enters them.
 */
export const DeploymentState = {
  pending: 'pending',
  ready: 'ready',
  noChanges: 'no_changes',
  error: 'error',
  queued: 'queued',
  submitting: 'submitting',
  inProgress: 'in_progress',
  pendingCutover: 'pending_cutover',
  inProgressCutover: 'in_progress_cutover',
  inProgressVschema: 'in_progress_vschema',
  completePendingRevert: 'complete_pending_revert',
  complete: 'complete',
  completeError: 'complete_error',
  inProgressCancel: 'in_progress_cancel',
  completeCancel: 'complete_cancel',
  cancelled: 'cancelled',
  inProgressRevert: 'in_progress_revert',
  inProgressRevertVschema: 'in_progress_revert_vschema',
  completeRevert: 'complete_revert',
  completeRevertError: 'complete_revert_error',
} as const;
export type DeploymentState = (typeof DeploymentState)[keyof typeof DeploymentState];

/** What is true of every request in a state. */
export interface StateFacts {
  /** For people, a sentence. */
  readonly says: string;
  /** Whether the request has ended. Its place may still be held, until a person has looked at what went wrong. */
  readonly terminal: boolean;
  /** Whether it keeps the next request for the same database and target branch waiting. */
  readonly holdsPlace: boolean;
  /** The duration of {@link DeployPolicy} after which it is left for another; null where it may take as long as it likes. */
  readonly deadline: keyof DeployPolicy | null;
}

/** Durations, in milliseconds. */
export interface DeployPolicy {
  /** How long comparing and checking may take. */
  readonly checkMs: number;
  /** How long the tables of a change may take to be made beside the live ones. */
  readonly submitMs: number;
  /** How long attempts to cut over go on before a person is asked. */
  readonly cutoverMs: number;
  /** How long a change can be reverted. */
  readonly revertWindowMs: number;
  /** How long taking a change back may take before a person is asked. */
  readonly cancelMs: number;
}

export const defaultDeployPolicy: DeployPolicy = {
  checkMs: 10 * 60_000,
  submitMs: 10 * 60_000,
  cutoverMs: 10 * 60_000,
  revertWindowMs: 30 * 60_000,
  cancelMs: 10 * 60_000,
};

const open = { terminal: false, holdsPlace: false } as const;
const holding = { terminal: false, holdsPlace: true } as const;
const over = { terminal: true, holdsPlace: false, deadline: null } as const;

export const stateFacts: Readonly<Record<DeploymentState, StateFacts>> = {
  pending: { ...open, deadline: 'checkMs', says: 'Validating: the schemas are compared and the change is checked' },
  ready: { ...open, deadline: null, says: 'It can be deployed: validation complete' },
  no_changes: { ...over, says: 'No changes: both branches have the same schema' },
  error: { ...over, says: 'The change cannot be deployed: see the messages of its checks' },
  // Whoever waits does not hold up others; the queue keeps the order.
  queued: { ...open, deadline: null, says: 'Queued behind earlier deploy requests' },
  submitting: { ...holding, deadline: 'submitMs', says: 'Submitting: the new tables are made beside the live ones' },
  in_progress: { ...holding, deadline: null, says: 'The copy is in progress' },
  pending_cutover: { ...holding, deadline: null, says: 'Everything is copied; it waits to be applied' },
  in_progress_cutover: { ...holding, deadline: 'cutoverMs', says: 'Cutover: the new tables take the place of the old' },
  in_progress_vschema: { ...holding, deadline: null, says: 'The VSchema is applied' },
  complete_pending_revert: { ...holding, deadline: 'revertWindowMs', says: 'Complete, revert available' },
  complete: { ...over, says: 'Complete' },
  // What is left of it is in the way of the next until a person has looked at it.
  complete_error: { ...over, holdsPlace: true, says: 'The deploy failed: see the errors of its operations' },
  in_progress_cancel: { ...holding, deadline: 'cancelMs', says: 'It is being cancelled' },
  complete_cancel: { ...over, says: 'It was cancelled; everything is as it was' },
  cancelled: { ...over, says: 'It was cancelled before anything was done' },
  in_progress_revert: { ...holding, deadline: 'cutoverMs', says: 'Revert in progress' },
  in_progress_revert_vschema: { ...holding, deadline: null, says: 'Revert in progress: the VSchema is put back' },
  complete_revert: { ...over, says: 'Reverted: the old tables are live again, with everything written since' },
  complete_revert_error: { ...over, holdsPlace: true, says: 'Revert failed: see the errors of its operations' },
};

/** Whether a request in this state has ended. */
export function isTerminal(state: DeploymentState): boolean {
  return stateFacts[state].terminal;
}

/** Whether a request in this state keeps the next one for the same place waiting. */
export function holdsPlace(state: DeploymentState): boolean {
  return stateFacts[state].holdsPlace;
}

/** What a state means, for people; states that Gatewright does not know are named. */
export function stateText(state: string): string {
  return Object.hasOwn(stateFacts, state) ? stateFacts[state as DeploymentState].says : `The state is ${state}`;
}

/** A change of a deployment's state: where it may begin, where it ends, and what makes it. */
interface DeploymentMove {
  readonly from: readonly DeploymentState[];
  readonly to: DeploymentState;
  readonly when: string;
}

/** Every change of a deployment's state after a request was opened, which makes it `pending`. */
export const deploymentMoves = {
  pass: { from: ['pending'], to: 'ready', when: 'there are changes, and every check passes' },
  passEmpty: { from: ['pending'], to: 'no_changes', when: 'there are no changes' },
  refuse: { from: ['pending'], to: 'error', when: 'a check fails' },
  check: { from: ['ready', 'no_changes', 'error'], to: 'pending', when: 'a schema has changed' },
  deploy: { from: ['ready'], to: 'queued', when: 'somebody deploys it' },
  submit: { from: ['queued'], to: 'submitting', when: 'nobody is before it' },
  begin: { from: ['submitting'], to: 'in_progress', when: 'the new tables stand beside the live ones' },
  gate: { from: ['in_progress'], to: 'pending_cutover', when: 'everything is copied and proven' },
  cutOver: { from: ['pending_cutover'], to: 'in_progress_cutover', when: 'somebody applies it, or it applies itself' },
  holdUp: { from: ['in_progress_cutover'], to: 'pending_cutover', when: 'the locks are not to be had in time' },
  goOn: {
    from: ['pending_cutover', 'in_progress_cutover'],
    to: 'in_progress',
    when: 'it goes on with another deployment',
  },
  open: { from: ['in_progress_cutover'], to: 'complete_pending_revert', when: 'the new tables are live' },
  finish: { from: ['complete_pending_revert'], to: 'complete', when: 'the time is over, or nobody wants a revert' },
  finishAtOnce: { from: ['in_progress_cutover'], to: 'complete', when: 'it was made instantly, without a way back' },
  cancel: {
    from: ['queued', 'submitting', 'in_progress', 'pending_cutover'],
    to: 'in_progress_cancel',
    when: 'somebody cancels it',
  },
  cancelled: { from: ['in_progress_cancel'], to: 'complete_cancel', when: 'everything is as it was' },
  outrun: {
    from: ['in_progress_cancel'],
    to: 'complete',
    when: 'every deployment was live before it could be cancelled',
  },
  fail: {
    from: [
      ...(['queued', 'submitting', 'in_progress', 'pending_cutover', 'in_progress_cutover'] as const),
      ...(['complete_pending_revert', 'in_progress_cancel'] as const),
    ],
    to: 'complete_error',
    when: 'a step fails for good; what was not live is taken back',
  },
  revert: { from: ['complete_pending_revert'], to: 'in_progress_revert', when: 'somebody reverts it' },
  revertPart: {
    from: ['in_progress', 'pending_cutover', 'in_progress_cutover'],
    to: 'in_progress_revert',
    when: 'somebody reverts what is live of several deployments',
  },
  holdUpRevert: {
    from: ['in_progress_revert'],
    to: 'complete_pending_revert',
    when: 'the locks are not to be had in time, or it would lose values that nobody gave up',
  },
  reverted: { from: ['in_progress_revert'], to: 'complete_revert', when: 'the old tables are live again' },
  failRevert: { from: ['in_progress_revert'], to: 'complete_revert_error', when: 'the revert fails for good' },
  refuseLate: { from: ['submitting'], to: 'error', when: 'the target has changed so that a check fails now' },
  completeDeploy: {
    from: ['complete_error', 'complete_revert_error'],
    to: 'complete',
    when: 'somebody finishes what is live',
  },
  unblock: { from: ['complete_error'], to: 'complete_cancel', when: 'somebody has seen it, and nothing is live' },
} as const satisfies Record<string, DeploymentMove>;
export type DeploymentMoveName = keyof typeof deploymentMoves;

/** Whether a state can come right after another. */
export function follows(from: DeploymentState, to: DeploymentState): boolean {
  return Object.values(deploymentMoves).some(
    (move) => (move.from as readonly DeploymentState[]).includes(from) && move.to === to,
  );
}
