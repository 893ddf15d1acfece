import type { PlannedStep } from './planned-step';
import type { AttemptEnded, AttemptStarted, JournalEntry, Outcome, Phase } from './journal';
import { isTerminal, type FailureView, type Resolution, type SagaState, type StepState, type UndoKind } from './saga';

/** One attempt of an activity. Times are ISO. */
export interface AttemptDetail {
  readonly activity: string;
  readonly activityId: string;
  readonly attempt: number;
  readonly worker: string;
  /** null when only its end was kept. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  /** null while it runs. */
  readonly outcome: Outcome | null;
  readonly error: FailureView | null;
}

/** A step's do, or its undo. */
export interface PhaseDetail {
  readonly state: 'pending' | 'running' | Outcome;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The error of the latest attempt that did not succeed, while it stands. */
  readonly error: FailureView | null;
  readonly attempts: readonly AttemptDetail[];
}

export interface StepDetail {
  readonly name: string;
  readonly state: StepState;
  /** What it does, in words; null for a step that no plan knows. */
  readonly does: string | null;
  readonly undoKind: UndoKind | null;
  readonly undoText: string | null;
  readonly do: PhaseDetail;
  readonly undo: PhaseDetail;
  /** ISO time since when its undo has been stuck. */
  readonly stuckSince: string | null;
  /** Why it is stuck. */
  readonly stuckBecause: FailureView | null;
  readonly resolutions: readonly Resolution[];
}

/** A run as its journal tells it. */
export interface RunDetail {
  readonly state: SagaState;
  readonly cancelled: boolean;
  readonly error: FailureView | null;
  readonly steps: readonly StepDetail[];
}

/**
 * Tells a run from its entries alone, in the order of the journal; entries that were appended twice change nothing.
 * Steps that have not begun come from `plan`.
 */
export function runDetail(entries: readonly JournalEntry[], plan: readonly PlannedStep[] = []): RunDetail {
  const steps = new Map(plan.map((step) => [step.name, new StepFold(step.name, step)]));
  const stepOf = (name: string): StepFold => {
    const known = steps.get(name) ?? new StepFold(name);
    steps.set(name, known);
    return known;
  };
  let state: SagaState = 'running';
  let error: FailureView | null = null;
  for (const entry of entries) {
    if (entry.type === 'attempt.started' || entry.type === 'attempt.ended') stepOf(entry.step).attempt(entry);
    else if (entry.type === 'step.resolved') stepOf(entry.step).resolve(entry.resolution);
    else if (entry.type === 'run.state' && !isTerminal(state)) {
      state = entry.state;
      error = entry.error ?? error;
      for (const { step, error: reason } of entry.stuck ?? []) stepOf(step).stick(entry.at, reason);
    }
  }
  return {
    state,
    error,
    cancelled: error?.code === 'CANCELLED',
    steps: [...steps.values()].map((step) => step.detail(state)),
  };
}

/** An attempt, and how many decisions a person had taken on its step when it began. */
type Attempt = { -readonly [K in keyof AttemptDetail]: AttemptDetail[K] } & { readonly round: number };

/** Gathers what the journal says of one step. */
class StepFold {
  private readonly attempts: Record<Phase, Map<string, Attempt>> = { do: new Map(), undo: new Map() };
  private readonly resolutions: Resolution[] = [];
  private stuck: { since: string; because: FailureView } | undefined;

  constructor(
    private readonly name: string,
    private readonly plan?: PlannedStep,
  ) {}

  attempt(entry: AttemptStarted | AttemptEnded): void {
    const key = `${entry.activityId}/${entry.attempt}`;
    const { activity, activityId, attempt, worker } = entry;
    const open = { startedAt: null, endedAt: null, durationMs: null, outcome: null, error: null };
    const round = this.resolutions.length;
    const known = this.attempts[entry.phase].get(key) ?? { activity, activityId, attempt, worker, ...open, round };
    this.attempts[entry.phase].set(key, known);
    if (entry.type === 'attempt.started') {
      known.startedAt ??= entry.at;
      return;
    }
    // The worker's own word comes before that of whoever took it for dead.
    if (known.outcome !== null && known.outcome !== 'unknown') return;
    known.endedAt = entry.at;
    known.durationMs = known.startedAt === null ? null : Date.parse(entry.at) - Date.parse(known.startedAt);
    known.outcome = entry.outcome;
    known.error = entry.error ?? null;
  }

  stick(since: string, because: FailureView): void {
    this.stuck = { since: this.stuck?.since ?? since, because };
  }

  resolve(resolution: Resolution): void {
    if (!this.resolutions.some((known) => known.at === resolution.at && known.by === resolution.by))
      this.resolutions.push(resolution);
    this.stuck = undefined;
  }

  detail(run: SagaState): StepDetail {
    const phases = { do: phaseDetail(this.attempts.do), undo: phaseDetail(this.attempts.undo) };
    return {
      name: this.name,
      state: this.state(run, phases),
      does: this.plan?.do ?? null,
      undoKind: this.plan?.undo.kind ?? null,
      undoText: this.plan?.undo.text ?? null,
      ...phases,
      stuckSince: this.stuck?.since ?? null,
      stuckBecause: this.stuck?.because ?? null,
      resolutions: this.resolutions,
    };
  }

  private state(run: SagaState, phases: Record<Phase, PhaseDetail>): StepState {
    if (this.stuck && !isTerminal(run)) return 'stuck';
    if (this.resolutions.at(-1)?.action === 'skip') return 'skipped';
    if (phases.undo.state === 'succeeded') return 'undone';
    if (phases.undo.state !== 'pending') return 'undoing';
    if (phases.do.state === 'pending') return 'pending';
    if (run === 'rolled_back' || run === 'abandoned') return phases.do.state === 'succeeded' ? 'kept' : 'failed';
    if (phases.do.state === 'succeeded') return 'done';
    return run === 'running' ? 'running' : 'failed';
  }
}

function phaseDetail(attempts: ReadonlyMap<string, Attempt>): PhaseDetail {
  const all = [...attempts.values()];
  // How the phase stands, only the latest attempt of each activity says, since a person last had it retried.
  const round = Math.max(...all.map((each) => each.round));
  const latest = [
    ...new Map(all.filter((each) => each.round === round).map((each) => [each.activityId, each])).values(),
  ];
  const failed = latest.filter((each) => each.outcome !== null && each.outcome !== 'succeeded').at(-1);
  const running = latest.some((each) => each.outcome === null);
  const starts = all.map((each) => each.startedAt).filter((at) => at !== null);
  const ends = all.map((each) => each.endedAt).filter((at) => at !== null);
  return {
    state: all.length === 0 ? 'pending' : running ? 'running' : (failed?.outcome ?? 'succeeded'),
    startedAt: starts.sort()[0] ?? null,
    endedAt: running ? null : (ends.sort().at(-1) ?? null),
    error: failed?.error ?? null,
    attempts: all.map(({ round: _, ...attempt }) => attempt),
  };
}
