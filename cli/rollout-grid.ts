import { fold, grouped, type FoldedGroup, type Group } from './rollout-fold';
import { applyColour } from './rollout-phases';
import { flat, headsOf, isBelow, layoutOf, rowLines, type Canvas } from './rollout-row';
import { isUnreadable, type RolloutNow, type RowJson } from './rollout-shapes';
import { clip, count, paint, wholeSeconds, words, type Colour } from './text';

/** Lines about rows that are in the way of the truth, at most. */
const BLAMES = 3;
/** Lines from which on some may be left empty. */
const ROOMY = 20;

/**
 * Draws a rollout: its state in words, then its deployments down and their phases across.
 * @param name as in `shop #3`
 */
export function gridLines(canvas: Canvas, name: string, { apply, operations }: RolloutNow): string[] {
  const line = (text: string, colour?: Colour): string => paint(canvas, colour, clip(flat(text), canvas.columns));
  const gap = canvas.rows >= ROOMY ? [''] : [];
  const above = [...headLines(canvas, name, { apply, operations }, line), ...gap];
  const below = apply.allowed.length > 0 ? [...gap, line(`now: ${apply.allowed.join(', ')}`, 'dim')] : [];
  const groups = grouped(operations);
  // What has ended waits for no gate.
  const asked = apply.completed_at === null ? apply.gates : [];
  const gates = new Map(asked.map((gate) => [gate.environment, gate]));
  const headed = groups.length > 1 || asked.some(({ open, override }) => !open || override !== null);
  const layout = layoutOf(operations, headed, canvas.columns);
  const heads = layout.headed ? [paint(canvas, 'dim', headsOf(layout))] : [];
  const room = Math.max(1, canvas.rows - above.length - below.length - heads.length);
  const height = (row: RowJson): number => (isBelow(layout, row) ? 2 : 1);
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
  const unreadable = new Set(operations.filter(isUnreadable).map(({ id }) => id));
  // What cannot be read is red below.
  const blamed = apply.blamed
    .filter(({ operation }) => !unreadable.has(operation))
    .map(({ operation, reason }) => `${nameOf(operation, operations)}: ${reason}`);
  const left = blamed.length - BLAMES;
  const ended = apply.completed_at === null ? canvas.now : new Date(apply.completed_at);
  const took = apply.started_at === null ? '' : `  ${wholeSeconds(+ended - Date.parse(apply.started_at))}`;
  const window = apply.revert_window_ends_at;
  const isOpen = window !== null && apply.completed_at === null && Date.parse(window) > +canvas.now;
  return [
    line(`${name}  ${words(apply.state)}${took}`, 'bold'),
    line(`${apply.says}${apply.determined ? '' : ', as far as is known'}`, applyColour(apply.state)),
    line(countsText(apply.operations_by_state)),
    ...(apply.determined && apply.blamed.length === 0 ? [] : [line(undeterminedText(apply.blamed.length), 'red')]),
    ...blamed.slice(0, BLAMES).map((text) => line(`  ${text}`, 'red')),
    ...(left > 0 ? [line(`  and ${left} more`, 'red')] : []),
    ...askedLines({ apply, operations }).map((text) => line(text, 'yellow')),
    ...(isOpen ? [line(`a revert is possible for ${wholeSeconds(Date.parse(window) - +canvas.now)}`, 'yellow')] : []),
    ...(apply.error === null ? [] : [line(apply.error, 'red')]),
  ];
}

function undeterminedText(blamed: number): string {
  return `undetermined: ${count(blamed, 'row is', 'rows are')} in the way of the truth, and it cannot end before`;
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

/** What people call an operation. */
function nameOf(id: string, rows: readonly RowJson[]): string {
  const row = rows.find((each) => each.id === id);
  return row && !isUnreadable(row) ? `deployment ${row.deployment}` : id === 'all' ? 'all of it' : id;
}
