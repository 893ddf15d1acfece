import { newNameOf } from './key';
import type { Column, Table } from './model';
import type { Shadow } from './plan';

/** Where rows go: from the live side to the one that follows it. */
export type Direction = 'forward' | 'back';

/** One value of a row on its way: a column of the live side and the one that takes it. */
export interface Carried {
  readonly source: Column;
  readonly target: Column;
  /** Whether it is part of the key by which rows are known. */
  readonly key: boolean;
}

/** What is copied in one direction, and what the side that follows has for itself. */
export interface Flow {
  readonly direction: Direction;
  readonly source: Table;
  readonly target: Table;
  /** In the order of the target's columns. */
  readonly carried: readonly Carried[];
  /** The pairs of {@link carried} that are the key, in the key's order. */
  readonly key: readonly Carried[];
  /** The target's own columns, whose values nobody writes while it follows; generated ones are not among them. */
  readonly own: readonly Column[];
}

/** What is copied from the old side to the new, or back once the new one is live. */
export function flowOf(shadow: Shadow, direction: Direction): Flow {
  const { from, to } = shadow;
  const pairs = from.columns.flatMap((old) => {
    const fresh = to.columns.find(({ name }) => name === newNameOf(shadow, old.name));
    return fresh ? [{ old, fresh }] : [];
  });
  const [source, target] = direction === 'forward' ? [from, to] : [to, from];
  const carried = target.columns.flatMap((column) => {
    const pair = pairs.find(({ old, fresh }) => (direction === 'forward' ? fresh : old) === column);
    if (!pair || column.generated !== null) return [];
    const key = shadow.key.includes(pair.old.name);
    return [{ source: direction === 'forward' ? pair.old : pair.fresh, target: column, key }];
  });
  const taken = new Set(carried.map((each) => each.target.name));
  return {
    ...{ direction, source, target, carried },
    key: shadow.key.map((name) => carried.find((each) => oldNameOf(each, direction) === name)!),
    own: target.columns.filter(({ name, generated }) => !taken.has(name) && generated === null),
  };
}

function oldNameOf({ source, target }: Carried, direction: Direction): string {
  return (direction === 'forward' ? source : target).name;
}
