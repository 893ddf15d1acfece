/** What a timeline shows of a run: part of the answer of `GET /runs/{id}`. */
export interface TimelineRun {
  readonly state: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly state: string;
    readonly does: string | null;
    readonly do: TimelinePhase;
    readonly undo: TimelinePhase;
  }[];
}

interface TimelinePhase {
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempts: readonly { readonly attempt: number }[];
}

/** A run in lines: when each step began after the run, how long it took, what it does, and its undo where there was one. */
export function timeline(run: TimelineRun): string {
  const began = Date.parse(run.started_at);
  const line = (
    name: string,
    state: string,
    { started_at, ended_at, attempts, error }: TimelinePhase,
    text: string,
  ) => {
    const at = started_at === null ? '' : `+${Date.parse(started_at) - began}`;
    const took = started_at === null || ended_at === null ? '' : `${Date.parse(ended_at) - Date.parse(started_at)} ms`;
    // A step may have several activities, as one for each edge.
    const most = Math.max(0, ...attempts.map(({ attempt }) => attempt));
    const tries = most > 1 ? ` (${most} attempts)` : '';
    const wrong = error ? `  ${error.code}: ${error.message}` : '';
    return `  ${at.padStart(7)}  ${took.padStart(8)}  ${name.padEnd(16)} ${state.padEnd(8)} ${text}${tries}${wrong}`;
  };
  const lines = run.steps.flatMap((step) => [
    line(step.name, step.state, step.do, step.does ?? ''),
    ...(step.undo.attempts.length > 0 ? [line(`undo ${step.name}`, step.state, step.undo, '')] : []),
  ]);
  const total = run.ended_at === null ? '' : ` after ${Date.parse(run.ended_at) - began} ms`;
  return [...lines, `  ${run.state}${total}`].join('\n').replace(/ +$/gm, '');
}
