import type { JournalEntry } from '../domain/journal';
import type { FailureView, SagaState } from '../domain/saga';
import type { RunDetailJson } from './shapes';

/** Where the run of a replica stands. */
export interface StepNow {
  readonly runId: string;
  readonly state: SagaState;
  /** The step that was begun last; null before the first. */
  readonly step: string | null;
  readonly phase: 'do' | 'undo';
  readonly attempt: number;
  /** ISO time since when the step is under way. */
  readonly since: string;
  /** Why its last attempt failed. */
  readonly error: FailureView | null;
  /** The last line that it printed. */
  readonly line: string | null;
}

/** A run as the API tells it, seen from the step that it is at. */
export function stepOf(run: RunDetailJson): StepNow {
  const begun = run.steps
    .flatMap((step) => (['do', 'undo'] as const).map((phase) => ({ step, phase, detail: step[phase] })))
    .filter(({ detail }) => detail.started_at !== null)
    .sort((a, b) => (a.detail.started_at! < b.detail.started_at! ? -1 : 1))
    .at(-1);
  return {
    runId: run.id,
    state: run.state,
    step: begun?.step.name ?? null,
    phase: begun?.phase ?? 'do',
    attempt: begun?.detail.attempts.at(-1)?.attempt ?? 1,
    since: begun?.detail.started_at ?? run.started_at,
    error: begun?.detail.error ?? null,
    line: null,
  };
}

/** Where a run stands after another entry of its journal. */
export function stepAfter(before: StepNow | undefined, entry: JournalEntry): StepNow {
  const { runId, at } = entry;
  const known: StepNow = before ?? {
    ...{ runId, state: 'running', step: null, phase: 'do', attempt: 1, since: at, error: null, line: null },
  };
  switch (entry.type) {
    case 'attempt.started': {
      const { step, phase, attempt } = entry;
      if (known.step === step && known.phase === phase) return { ...known, attempt };
      return { ...known, step, phase, attempt, since: at, error: null, line: null };
    }
    case 'attempt.ended': {
      if (entry.step !== known.step || entry.phase !== known.phase) return known;
      return { ...known, error: entry.error ?? null };
    }
    case 'step.output':
      return entry.step === known.step ? { ...known, line: entry.lines.at(-1) ?? known.line } : known;
    case 'run.state':
      return { ...known, state: entry.state };
    case 'step.resolved':
    case 'message.ignored':
      return known;
  }
}

/** The step of a replica in the run of a rollout, as in `replica-3-1`. */
const ROLLED = /^replica-(\d+)-(\d+)/;

/** What people call the step in which a rollout gives a replica another revision. */
const PROFILE = 'profile';

/** Which replica an entry of a rollout is about, and the entry as one of that replica's own; null for the rollout's own. */
export function rolledReplica(entry: JournalEntry): { num: number; generation: number; entry: JournalEntry } | null {
  const [, num, generation] = ('step' in entry && ROLLED.exec(entry.step)) || [];
  if (num === undefined) return null;
  return { num: Number(num), generation: Number(generation), entry: { ...entry, step: PROFILE } as JournalEntry };
}
