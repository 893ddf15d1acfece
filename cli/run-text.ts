import type { PhaseJson, RunDetailJson, StepJson } from './shapes';
import type { SagaState, StepState } from '../domain/saga';
import { exitOf, Exit } from './exit';
import type { Io } from './io';
import {
  age,
  ago,
  count,
  duration,
  fields,
  moment,
  paint,
  shorten,
  wrap,
  words,
  type Colour,
  type Field,
} from './text';

type Surroundings = Pick<Io, 'colours' | 'columns' | 'now'>;

/** The colour of a run's state: that of how it ends for whoever waits for it. */
export function stateColour(state: SagaState): Colour | undefined {
  if (state === 'rolling_back') return 'yellow';
  const exit = exitOf(state);
  if (exit === Exit.ok) return state === 'succeeded' ? 'green' : undefined;
  return exit === Exit.needsAttention ? 'yellow' : 'red';
}

const stepColours: Partial<Record<StepState, Colour>> = {
  pending: 'dim',
  done: 'green',
  failed: 'red',
  undoing: 'yellow',
  stuck: 'yellow',
  skipped: 'yellow',
};

/** What `gatewright run ID` shows: what is known of the run, then its timeline. */
export function runText(io: Io, run: RunDetailJson, options: { readonly attempts?: boolean } = {}): string {
  return `${fields(io, facts(run, io.now()))}\n${timeline(io, run, options)}${decisions(io, run)}`;
}

function facts(run: RunDetailJson, now: Date): Field[] {
  const ended = run.ended_at === null ? now : new Date(run.ended_at);
  const took = duration(ended.getTime() - Date.parse(run.started_at));
  return [
    ['run', run.id],
    ['kind', run.kind],
    ['organization', run.organization_id],
    [
      'state',
      `${words(run.state)}${run.cancelled && run.error?.code !== 'CANCELLED' ? ' (cancelled)' : ''}`,
      stateColour(run.state),
    ],
    ['began', `${ago(run.started_at, now)}, ${moment(run.started_at)}`],
    [run.ended_at === null ? 'runs for' : 'took', took],
    [
      'attention',
      run.attention_since === null ? undefined : `for ${age(run.attention_since, now)}, ${run.severity ?? 'warning'}`,
      'yellow',
    ],
    [
      'error',
      run.error === null ? undefined : `${run.error.code}  ${run.error.message}`,
      run.state === 'succeeded' ? 'dim' : 'red',
    ],
  ];
}

interface Cell {
  readonly mark: string;
  readonly text: string;
  readonly colour: Colour | undefined;
}

const width = (cell: Cell): number => (cell.text === '' ? cell.mark.length : cell.mark.length + 1 + cell.text.length);
const INDENT = '  ';
const GAP = '   ';

/**
 * The steps of a run, one a line: its state, how its do went and, once something was taken back, how its undo went; below
 * it the errors, what a person decided, and what can be done about a stuck one.
 */
export function timeline(
  io: Surroundings,
  run: RunDetailJson,
  { attempts = false }: { readonly attempts?: boolean } = {},
): string {
  const now = io.now();
  const back = run.steps.some((step) => step.undo.state !== 'pending') || !['running', 'succeeded'].includes(run.state);
  const rows = run.steps.map((step) => ({
    step,
    does: phaseCell(step.do, now),
    undo: back ? undoCell(step, run.state, now) : empty,
  }));
  const names = Math.max(4, ...rows.map(({ step }) => step.name.length));
  const states = Math.max(5, ...rows.map(({ step }) => step.state.length));
  const dos = Math.max(2, ...rows.map(({ does }) => width(does)));
  const heads = ['step'.padEnd(names), 'state'.padEnd(states), 'do'.padEnd(dos), ...(back ? ['undo'] : [])].join(GAP);
  const margin = INDENT + ' '.repeat(names) + GAP;
  const room = (io.columns ?? Infinity) - names - states - dos - INDENT.length - 3 * GAP.length;
  const lines = rows.flatMap(({ step, does, undo }) => {
    const plan = back || room < 20 ? '' : shorten(step.does ?? '', room);
    const line = [
      step.name.padEnd(names),
      paint(io, stepColours[step.state], step.state.padEnd(states)),
      cellText(io, does, dos),
      back ? cellText(io, undo, 0) : paint(io, 'dim', plan),
    ].join(GAP);
    const below = [...(attempts ? attemptLines(step) : []), ...notes(step, now)];
    return [
      `${INDENT}${line}`.trimEnd(),
      ...below.flatMap(({ text, colour }) =>
        wrap(text, Math.max(30, (io.columns ?? Infinity) - margin.length)).map(
          (part) => margin + paint(io, colour, part),
        ),
      ),
    ];
  });
  return [INDENT + paint(io, 'dim', heads.trimEnd()), ...lines].map((line) => `${line}\n`).join('');
}

const empty: Cell = { mark: '', text: '', colour: undefined };

function cellText(io: Surroundings, cell: Cell, room: number): string {
  const padding = ' '.repeat(Math.max(0, room - width(cell)));
  return `${paint(io, cell.colour, cell.mark)}${cell.text === '' ? '' : ` ${cell.text}`}${padding}`;
}

const marks: Readonly<Record<PhaseJson['state'], readonly [string, Colour | undefined]>> = {
  pending: ['·', 'dim'],
  running: ['…', undefined],
  succeeded: ['✓', 'green'],
  failed: ['✗', 'red'],
  cancelled: ['✗', 'yellow'],
  unknown: ['?', 'yellow'],
};

function phaseCell(phase: PhaseJson, now: Date): Cell {
  const [mark, colour] = marks[phase.state];
  const end = phase.ended_at === null ? now.getTime() : Date.parse(phase.ended_at);
  const took = phase.started_at === null ? [] : [duration(end - Date.parse(phase.started_at))];
  const word = phase.state === 'cancelled' || phase.state === 'unknown' ? [phase.state] : [];
  const tries = triesOf(phase);
  const again = tries > 1 ? [count(tries, 'attempt')] : [];
  return { mark, colour, text: [...took, ...word, ...again].join(', ') };
}

/** How often a phase was tried. A phase may have several activities at once, as reloading several edges. */
export function triesOf({ state, attempts }: TriedPhase): number {
  const failed = attempts.filter(({ outcome }) => outcome !== null && outcome !== 'succeeded').length;
  return failed + (state === 'succeeded' || state === 'running' ? 1 : 0);
}

type TriedPhase = { readonly state: string; readonly attempts: readonly { readonly outcome: string | null }[] };

function undoCell(step: StepJson, run: SagaState, now: Date): Cell {
  const { undo } = step;
  if (step.do.state === 'pending' && undo.state === 'pending') return empty;
  if (undo.state === 'pending') {
    if (undo.kind === 'nothing') return { mark: '–', text: 'nothing to undo', colour: 'dim' };
    if (undo.kind === 'point_of_no_return') return { mark: '–', text: 'no return', colour: 'dim' };
    return run === 'rolling_back' ? { mark: '·', text: '', colour: 'dim' } : empty;
  }
  const cell = phaseCell(undo, now);
  if (step.state !== 'stuck') return cell;
  return {
    mark: '!',
    colour: 'yellow',
    text: `stuck${step.stuck_since ? ` for ${age(step.stuck_since, now)}` : ''}, ${count(triesOf(undo), 'attempt')}`,
  };
}

interface Note {
  readonly text: string;
  readonly colour: Colour | undefined;
}

function attemptLines(step: StepJson): Note[] {
  return (['do', 'undo'] as const).flatMap((phase) =>
    step[phase].attempts.map((attempt) => {
      const took = attempt.duration_ms === null ? '' : ` after ${duration(attempt.duration_ms)}`;
      const at = (attempt.started_at ?? attempt.ended_at ?? '').slice(11, 23);
      const error = attempt.error ? `: ${attempt.error.code}  ${attempt.error.message}` : '';
      const text = `${at}  ${phase} ${attempt.activity} #${attempt.attempt} ${attempt.outcome ?? 'running'}${took} on ${attempt.worker}${error}`;
      return { text, colour: 'dim' };
    }),
  );
}

/** What is to be said below a step. */
function notes(step: StepJson, now: Date): Note[] {
  const failed: Note[] = (['do', 'undo'] as const).flatMap((phase) => {
    const stuck = phase === 'undo' && step.state === 'stuck';
    const error = stuck ? (step.stuck_because ?? step.undo.error) : step[phase].error;
    return error ? [{ text: `${phase}: ${error.code}  ${error.message}`, colour: stuck ? 'yellow' : 'red' }] : [];
  });
  const decided: Note[] = step.resolutions.map(({ action, by, reason, at }) => ({
    text: `${action} by ${by}, ${ago(at, now)}: ${reason}`,
    colour: undefined,
  }));
  return [...failed, ...decided];
}

/** How to go on with what is stuck. */
function decisions(io: Io, run: RunDetailJson): string {
  const stuck = run.steps.filter((step) => step.state === 'stuck');
  if (stuck.length === 0) return '';
  const lines = stuck.flatMap(({ name }) =>
    // Never broken: these lines are there to be copied.
    ['retry', 'skip'].map((action) => `  gatewright resolve ${run.id} ${name} ${action} --reason "..."\n`),
  );
  return `\n${paint(io, 'yellow', 'A person decides about each stuck undo:')}\n${lines.join('')}`;
}

/** How a run that was followed ended, and what a person can do if it waits for one. */
export function endText(io: Io, run: RunDetailJson): string {
  const now = io.now();
  const shown = facts(run, now).filter(([name]) => ['state', 'took', 'attention', 'error'].includes(name));
  const steps = run.steps
    .filter((step) => step.state === 'stuck')
    .map(({ name, stuck_because: why }): Field => {
      return [`stuck: ${name}`, why ? `${why.code}  ${why.message}` : 'its undo', 'yellow'];
    });
  const more: Field[] = run.state === 'succeeded' ? [] : [['timeline', `gatewright run ${run.id}`]];
  return `${fields(io, [...shown, ...steps, ...more])}${decisions(io, run)}`;
}
