import type { Io } from './io';
import { applyColour, marksOf, phases } from './rollout-phases';
import { isUnreadable, type ApplyOperationJson, type RowJson } from './rollout-shapes';
import { clip, count, paint, tame, wholeSeconds, words } from './text';

/** Where a rollout is drawn. */
export interface Canvas extends Pick<Io, 'colours'> {
  /** Columns that a line may take. */
  readonly columns: number;
  /** Lines that a drawing may take. */
  readonly rows: number;
  readonly now: Date;
}

/** Columns that are worth having for why a deployment waits. */
const NOTE = 24;

/** How wide what is. */
export interface Layout {
  readonly indent: number;
  readonly name: number;
  /** Whether each phase has a column with its name above it. */
  readonly headed: boolean;
  readonly bar: number;
  readonly state: number;
  readonly note: number;
  /** Whether what holds a deployment up stands in a line of its own. */
  readonly below: boolean;
}

const HEADED = phases.join('  ').length;

/** The widest of some layouts that fits, with room for notes. */
export function layoutOf(rows: readonly RowJson[], isIndented: boolean, columns: number): Layout {
  const indent = isIndented ? 2 : 0;
  const longest = (of: (row: ApplyOperationJson) => string): number =>
    rows.reduce((most, row) => Math.max(most, isUnreadable(row) ? 0 : of(row).length), 0);
  const name = Math.min(longest(({ deployment }) => flat(deployment)) || 8, Math.max(8, Math.floor(columns / 4)));
  const state = longest((row) => words(row.state));
  // An error has a line of its own where it is long.
  const inLine = rows.filter((row) => !isUnreadable(row) && row.error === null);
  const notes = inLine.reduce((most, row) => Math.max(most, noteOf(row).length), 0);
  const wanted = Math.min(notes, NOTE);
  const layouts = [
    ...([true, false] as const).flatMap((headed) => [20, 10].map((bar) => ({ headed, bar }))),
    { headed: false, bar: 0 },
  ].map(({ headed, bar }) => {
    const marks = headed ? HEADED : phases.length;
    const pace = (bar > 0 ? bar + 1 : 0) + '100 %'.length;
    const taken = indent + name + 2 + marks + 2 + pace + 2 + state + 2;
    return { indent, name, headed, bar, state, note: columns - taken, below: false };
  });
  const fits = layouts.find(({ note }) => note >= wanted);
  if (fits) return fits;
  // What holds it up matters more than the names of the phases.
  const roomy = layouts.find(({ headed, note }) => !headed && note >= -2) ?? layouts.at(-1)!;
  return { ...roomy, below: true };
}

/** The names of the phases, above their columns. */
export function headsOf({ indent, name }: Layout): string {
  return `${' '.repeat(indent + name + 2)}${phases.join('  ')}`;
}

/** A row, with what is said of it. @param known the reason that stands above it already */
export function rowLines(canvas: Canvas, layout: Layout, row: RowJson, known: string | undefined): string[] {
  const margin = ' '.repeat(layout.indent);
  if (isUnreadable(row)) {
    const text = `${margin}${flat(row.id)}  cannot be read: ${flat(row.unreadable)}`;
    return [paint(canvas, 'red', clip(text, canvas.columns))];
  }
  const { state } = row;
  const colour = applyColour(state);
  const percent = Math.floor(state === 'completed' ? 100 : row.percent);
  const cells = [
    margin + padded(flat(row.deployment), layout.name),
    marksText(canvas, layout, row),
    `${layout.bar > 0 ? `${paint(canvas, colour, barOf(percent, layout.bar))} ` : ''}${String(percent).padStart(3)} %`,
    paint(canvas, colour, padded(words(state), layout.state)),
  ];
  const note = noteOf(row) === known ? '' : noteOf(row);
  const told = row.error === null ? ('dim' as const) : ('red' as const);
  const head = cells.join('  ').trimEnd();
  if (note === '') return [layout.note < -2 ? clip(plain(head), canvas.columns) : head];
  if (isBelow(layout, row))
    return [
      layout.note < -2 ? clip(plain(head), canvas.columns) : head,
      paint(canvas, told, clip(`${margin}  ${note}`, canvas.columns)),
    ];
  return [`${cells.join('  ')}  ${paint(canvas, told, clip(note, layout.note))}`];
}

/** Whether what is said of a row stands below it: an error is not cut off where there is a line for it. */
export function isBelow({ below, note }: Layout, row: RowJson): boolean {
  const length = noteOf(row).length;
  return below ? length > 0 : !isUnreadable(row) && row.error !== null && length > note;
}

function marksText(canvas: Canvas, { headed }: Layout, { state }: ApplyOperationJson): string {
  return marksOf(state)
    .map(({ text, colour }, index) => {
      const width = headed ? phases[index]!.length : 1;
      const before = Math.floor((width - 1) / 2);
      return ' '.repeat(before) + paint(canvas, colour, text) + ' '.repeat(width - 1 - before);
    })
    .join(headed ? '  ' : '');
}

function barOf(percent: number, width: number): string {
  const full = Math.min(width, Math.max(0, Math.floor((percent / 100) * width)));
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** How long a copy still takes. */
function leftOf({ state, eta_seconds: eta }: ApplyOperationJson): string {
  return eta === null || eta <= 0 || state === 'completed' ? '' : `${wholeSeconds(eta * 1_000)} left`;
}

/** Why a deployment failed, else why it does not go on, else how long it still takes. */
function noteOf(row: RowJson): string {
  if (isUnreadable(row)) return '';
  const tries = row.attempts > 1 ? `${count(row.attempts, 'attempt')}: ` : '';
  if (row.error) return flat(`${tries}${row.error.code === null ? '' : `${row.error.code}  `}${row.error.message}`);
  if (row.waits !== null) return flat(row.waits);
  return row.throttled_by === null ? leftOf(row) : flat(`held up by ${row.throttled_by}`);
}

/** A text in one line. */
export function flat(text: string): string {
  return tame(text).replaceAll('\n', ' ');
}

function padded(text: string, width: number): string {
  const shown = clip(text, width);
  return shown + ' '.repeat(Math.max(0, width - shown.length));
}

/** Without colours, for what is cut off in the middle. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b\[\d+m/g, '');
}
