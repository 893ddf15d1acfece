import { applyStateFacts } from '../domain/rollout/states';
import { isUnreadable, type RowJson } from './rollout-shapes';

/** Deployments of one environment, in the order of the rollout. */
export interface Group {
  readonly environment: string;
  readonly rows: readonly RowJson[];
}

/** What of an environment is drawn, and what is only counted. */
export interface FoldedGroup extends Group {
  readonly hidden: readonly RowJson[];
}

/** What fits. */
export interface Folded {
  readonly groups: readonly FoldedGroup[];
  /** Environments of which nothing is drawn but how many they are. */
  readonly dropped: readonly Group[];
}

/** How much there is room for. */
export interface Room {
  readonly lines: number;
  /** Whether each environment has a line of its own above its rows. */
  readonly headed: boolean;
  /** Lines that a row takes. */
  readonly height: (row: RowJson) => number;
}

/** How much a row is worth a line: the lowest is drawn first. */
const Worth = { unreadable: 0, failed: 1, underWay: 2, held: 3, pending: 4, settled: 5 } as const;

function worthOf(row: RowJson): number {
  if (isUnreadable(row)) return Worth.unreadable;
  const { state } = row;
  if (state === 'failed' || state === 'failed_retryable') return Worth.failed;
  if (applyStateFacts[state].settled) return Worth.settled;
  if (state === 'pending') return Worth.pending;
  return ['stopped', 'waiting_for_deploy', 'waiting_for_cutover', 'revert_window'].includes(state)
    ? Worth.held
    : Worth.underWay;
}

/** Environments in the order of their rows; a row that says none stands with the one before it. */
export function grouped(rows: readonly RowJson[]): readonly Group[] {
  const groups: { environment: string; rows: RowJson[] }[] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    const environment = isUnreadable(row) ? (last?.environment ?? '') : row.environment;
    if (last?.environment === environment) last.rows.push(row);
    else groups.push({ environment, rows: [row] });
  }
  return groups;
}

/**
 * As many rows as there is room for, in their order: what failed and what goes on before what waits, and what has settled
 * last.
 */
export function fold(groups: readonly Group[], room: Room): Folded {
  const ranked = groups
    .flatMap(({ rows }) => rows)
    .map((row) => ({ row, worth: worthOf(row) }))
    .sort((one, other) => one.worth - other.worth);
  const urgent = ranked.filter(({ worth }) => worth <= Worth.underWay).length;
  const most = Math.min(ranked.length, room.lines);
  const best = (merged: boolean): number => {
    for (let amount = most; amount > 0; amount--)
      if (linesOf(groups, chosen(ranked, amount), room, merged) <= room.lines) return amount;
    return 0;
  };
  const apart = best(false);
  const merged = apart < urgent ? best(true) : 0;
  const shown = chosen(ranked, Math.max(apart, merged));
  const folded = groups.map(({ environment, rows }) => ({
    environment,
    rows: rows.filter((row) => shown.has(row)),
    hidden: rows.filter((row) => !shown.has(row)),
  }));
  if (merged <= apart && linesOf(groups, shown, room, false) <= room.lines) return { groups: folded, dropped: [] };
  const dropped = folded.filter(({ rows }) => rows.length === 0).map((each) => ({ ...each, rows: each.hidden }));
  return { groups: folded.filter(({ rows }) => rows.length > 0), dropped };
}

function chosen(ranked: readonly { readonly row: RowJson }[], amount: number): ReadonlySet<RowJson> {
  return new Set(ranked.slice(0, amount).map(({ row }) => row));
}

/** Lines that some rows take, with the heads of their environments and the counts of what is hidden. */
function linesOf(groups: readonly Group[], shown: ReadonlySet<RowJson>, room: Room, merged: boolean): number {
  let lines = 0;
  let empty = 0;
  for (const { rows } of groups) {
    let visible = 0;
    for (const row of rows) {
      if (!shown.has(row)) continue;
      visible++;
      lines += room.height(row);
    }
    if (visible === 0) empty++;
    else lines += (room.headed ? 1 : 0) + (visible < rows.length ? 1 : 0);
  }
  return lines + (merged ? Math.min(1, empty) : empty);
}
