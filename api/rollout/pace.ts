import type { DeployOperation } from '../../domain/deploy/request';

/** How far some tables are together. */
export interface Pace {
  /** 0 to 100, by rows; where nobody knows how many there are, each table counts the same. */
  readonly percent: number;
  readonly rowsCopied: number;
  readonly rowsPerSecond: number;
  /** Until the last is ready; null where nobody can say. */
  readonly etaSeconds: number | null;
  readonly throttledBy: string | null;
}

/** How far tables are together, whichever deployment each is of. */
export function paceOf(tasks: readonly DeployOperation[]): Pace {
  const etas = tasks.map(({ etaSeconds }) => etaSeconds).filter((eta) => eta !== null);
  return {
    percent: percentOf(tasks),
    rowsCopied: sum(tasks.map(({ rowsCopied }) => rowsCopied)),
    rowsPerSecond: sum(tasks.map(({ rowsPerSecond }) => rowsPerSecond)),
    // There may be more of them than a call takes arguments.
    etaSeconds: etas.reduce<number | null>((most, eta) => Math.max(most ?? 0, eta), null),
    throttledBy: tasks.find(({ throttledBy }) => throttledBy !== null)?.throttledBy ?? null,
  };
}

function percentOf(tasks: readonly DeployOperation[]): number {
  if (tasks.length === 0) return 0;
  const sizes = tasks.map(sizeOf);
  const known = sizes.filter((size) => size !== null);
  if (known.length === 0) return sum(tasks.map(({ percent }) => percent)) / tasks.length;
  const usual = sum(known) / known.length;
  // What is done and had no rows to copy, weighs nothing beside what has.
  const weights = tasks.map(({ percent }, i) => sizes[i] ?? (percent >= 100 ? 0 : usual));
  return sum(tasks.map(({ percent }, i) => percent * weights[i]!)) / sum(weights);
}

/** How many rows a table has, as far as its own progress tells; null where it does not. */
function sizeOf({ percent, rowsCopied }: DeployOperation): number | null {
  return percent > 0 && rowsCopied > 0 ? (rowsCopied * 100) / percent : null;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
