import type { Io } from './io';
import { fold, grouped, type FoldedGroup, type Group } from './rollout-fold';
import { applyColour, marksOf, phases } from './rollout-phases';
import { isUnreadable, type ApplyOperationJson, type RolloutNow, type RowJson } from './rollout-shapes';
import { clip, count, paint, tame, wholeSeconds, words, type Colour } from './text';

/** Where a rollout is drawn. */
export interface Canvas extends Pick<Io, 'colours'> {
  /** Columns that a line may take. */
  readonly columns: number;
  /** Lines that a drawing may take. */
  readonly rows: number;
  readonly now: Date;
}

/** Lines about rows that are in the way of the truth, at most. */
const BLAMES = 3;
/** Columns that are worth having for why a deployment waits. */
const NOTE = 24;

/**
 * Draws a rollout: its state in words, then its deployments down and their phases across.
 * @param name as in `shop #3`
 */
export function gridLines(canvas: Canvas, name: string, { apply, operations }: RolloutNow): string[] {
  const line = (text: string, colour?: Colour): string => paint(canvas, colour, clip(flat(text), canvas.columns));
  const above = [...headLines(canvas, name, { apply, operations }, line), ''];
  const below = apply.allowed.length > 0 ? ['', line(`now: ${apply.allowed.join(', ')}`, 'dim')] : [];
  const groups = grouped(operations);
  const gates = new Map(apply.gates.map((gate) => [gate.environment, gate]));
  const headed = groups.length > 1 || apply.gates.some(({ open, override }) => !open || override !== null);
  const layout = layoutOf(operations, headed, canvas.columns);
  const heads = layout.headed ? [paint(canvas, 'dim', headsOf(layout))] : [];
  const room = Math.max(1, canvas.rows - above.length - below.length - heads.length);
  const height = (row: RowJson): number => (layout.below && noteOf(row) !== '' ? 2 : 1);
  const { groups: shown, dropped } = fold(groups, { lines: room, headed, height });
  return [
    ...above,
    ...heads,
    ...shown.flatMap(({ environment, rows, hidden }) => {
      const gate = gates.get(environment);
      const known = gate && !gate.open ? gate.reason : undefined;
      return [
        ...(headed && rows.length > 0 ? [environmentLine(canvas, environment, gate)] : []),
        ...rows.flatMap((row) => rowLines(canvas, layout, row, known)),
        ...(hidden.length > 0 ? [line(hiddenText({ environment, rows, hidden }, headed), 'dim')] : []),
      ];
    }),
    ...(dropped.length > 0 ? [line(droppedText(dropped), 'dim')] : []),
    ...below,
  ];
}

function headLines(
  canvas: Canvas,
  name: string,
  { apply, operations }: RolloutNow,
  line: (text: string, colour?: Colour) => string,
): string[] {
  const blamed = apply.blamed.map(({ operation, reason }) => `${nameOf(operation, operations)}: ${reason}`);
  const left = blamed.length - BLAMES;
  const ended = apply.completed_at === null ? canvas.now : new Date(apply.completed_at);
  const took = apply.started_at === null ? '' : `  ${wholeSeconds(+ended - Date.parse(apply.started_at))}`;
  const window = apply.revert_window_ends_at;
  const isOpen = window !== null && apply.completed_at === null && Date.parse(window) > +canvas.now;
  return [
    line(`${name}  ${words(apply.state)}${took}`, 'bold'),
    line(`${apply.says}${apply.determined ? '' : ', as far as is known'}`, applyColour(apply.state)),
    line(countsText(apply.operations_by_state)),
    ...(apply.determined && blamed.length === 0
      ? []
      : [line(`undetermined: ${count(blamed.length, 'row')} in the way of the truth; it does not end before`, 'red')]),
    ...blamed.slice(0, BLAMES).map((text) => line(`  ${text}`, 'red')),
    ...(left > 0 ? [line(`  and ${left} more`, 'red')] : []),
    ...askedLines({ apply, operations }).map((text) => line(text, 'yellow')),
    ...(isOpen ? [line(`a revert is possible for ${wholeSeconds(Date.parse(window) - +canvas.now)}`, 'yellow')] : []),
    ...(apply.error === null ? [] : [line(apply.error, 'red')]),
  ];
}

/** What people asked that is not done yet. */
function askedLines({ apply: { asked, state, deferred } }: RolloutNow): string[] {
  return [
    ...(asked.stop === null || state === 'stopped' ? [] : [`${asked.stop} stops it`]),
    ...(asked.pause === null ? [] : [`${asked.pause} holds it: what has begun goes on, nothing else begins`]),
    ...(asked.cancel === null || state === 'cancelled' ? [] : [`${asked.cancel} cancels it`]),
    ...(asked.revert === null || state === 'reverted' ? [] : [`${asked.revert} reverts it`]),
    ...(deferred && state === 'waiting_for_cutover' ? ['somebody has to say when it cuts over'] : []),
  ];
}

/** How many are in each state, as in `2 completed, 1 running`. */
function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, amount]) => amount > 0)
    .map(([state, amount]) => `${amount} ${words(state)}`)
    .join(', ');
}

function statesOf(rows: readonly RowJson[]): string {
  const counts: Record<string, number> = {};
  for (const row of rows) {
    const state = isUnreadable(row) ? 'unreadable' : row.state;
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return countsText(counts);
}

function hiddenText({ environment, rows, hidden }: FoldedGroup, headed: boolean): string {
  if (rows.length === 0 && headed) return `${environment}  ${statesOf(hidden)}`;
  return `${headed ? '  ' : ''}and ${hidden.length} more: ${statesOf(hidden)}`;
}

function droppedText(groups: readonly Group[]): string {
  return `and ${count(groups.length, 'environment')} more: ${statesOf(groups.flatMap(({ rows }) => rows))}`;
}

function environmentLine(canvas: Canvas, environment: string, gate: RolloutNow['apply']['gates'][number] | undefined) {
  const name = clip(flat(environment), canvas.columns);
  const because = !gate || (gate.open && !gate.override) ? '' : `  ${gate.open ? 'open' : 'closed'}: ${gate.reason}`;
  return paint(canvas, 'bold', name) + paint(canvas, 'yellow', clip(flat(because), canvas.columns - name.length));
}

/** How wide what is. */
interface Layout {
  readonly indent: number;
  readonly name: number;
  /** Whether each phase has a column with its name above it. */
  readonly headed: boolean;
  readonly bar: number;
  readonly state: number;
  readonly left: number;
  readonly note: number;
  /** Whether what holds a deployment up stands in a line of its own. */
  readonly below: boolean;
}

const HEADED = phases.join('  ').length;

/** The widest of some layouts that fits, with room for notes. */
function layoutOf(rows: readonly RowJson[], isIndented: boolean, columns: number): Layout {
  const indent = isIndented ? 2 : 0;
  const longest = (of: (row: ApplyOperationJson) => string): number =>
    rows.reduce((most, row) => Math.max(most, isUnreadable(row) ? 0 : of(row).length), 0);
  const name = Math.min(longest(({ deployment }) => flat(deployment)) || 8, Math.max(8, Math.floor(columns / 4)));
  const state = longest((row) => words(row.state));
  const left = longest(leftOf);
  const notes = rows.reduce((most, row) => Math.max(most, noteOf(row).length), 0);
  const wanted = Math.min(notes, NOTE);
  const layouts = [
    ...([true, false] as const).flatMap((headed) => [20, 10].map((bar) => ({ headed, bar }))),
    { headed: false, bar: 0 },
  ].map(({ headed, bar }) => {
    const marks = headed ? HEADED : phases.length;
    const pace = (bar > 0 ? bar + 1 : 0) + '100 %'.length;
    const taken = indent + name + 2 + marks + 2 + pace + 2 + state + (left > 0 ? left + 2 : 0) + 2;
    return { indent, name, headed, bar, state, left, note: columns - taken, below: false };
  });
  const fits = layouts.find(({ note }) => note >= wanted);
  if (fits) return fits;
  // What holds it up matters more than the names of the phases.
  const roomy = layouts.find(({ headed, note }) => !headed && note >= -2) ?? layouts.at(-1)!;
  return { ...roomy, below: true };
}

function headsOf({ indent, name }: Layout): string {
  return `${' '.repeat(indent + name + 2)}${phases.join('  ')}`;
}

function rowLines(canvas: Canvas, layout: Layout, row: RowJson, known: string | undefined): string[] {
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
    ...(layout.left > 0 ? [leftOf(row).padEnd(layout.left)] : []),
  ];
  const note = noteOf(row) === known ? '' : noteOf(row);
  const told = row.error === null ? ('dim' as const) : ('red' as const);
  const head = cells.join('  ').trimEnd();
  if (note === '') return [layout.note < -2 ? clip(plain(head), canvas.columns) : head];
  if (layout.below)
    return [
      layout.note < -2 ? clip(plain(head), canvas.columns) : head,
      paint(canvas, told, clip(`${margin}  ${note}`, canvas.columns)),
    ];
  return [`${cells.join('  ')}  ${paint(canvas, told, clip(note, layout.note))}`];
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

/** Why a deployment failed, else why it does not go on. */
function noteOf(row: RowJson): string {
  if (isUnreadable(row)) return '';
  const tries = row.attempts > 1 ? `${count(row.attempts, 'attempt')}: ` : '';
  if (row.error) return flat(`${tries}${row.error.code === null ? '' : `${row.error.code}  `}${row.error.message}`);
  if (row.waits !== null) return flat(row.waits);
  return row.throttled_by === null ? '' : flat(`held up by ${row.throttled_by}`);
}

/** What people call an operation. */
function nameOf(id: string, rows: readonly RowJson[]): string {
  const row = rows.find((each) => each.id === id);
  return row && !isUnreadable(row) ? `deployment ${row.deployment}` : id === 'all' ? 'all of it' : id;
}

function flat(text: string): string {
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
