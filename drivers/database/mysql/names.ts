import { createHash } from 'node:crypto';

/** The longest name of a table or trigger, in characters. */
const LONGEST = 64;

/** What belongs to one table of a change. */
export interface HelperNames {
  readonly table: string;
  /** The new side before it was ever live, and after a revert. */
  readonly ghost: string;
  /** The old side while the new one is live. */
  readonly old: string;
  readonly log: string;
  readonly failed: string;
  readonly cursor: string;
  /** What a swap of several tables waits for at last, and what it is called once that was had. */
  readonly ticket: string;
  readonly usedTicket: string;
  /** What is there so that a renaming onto it fails. */
  readonly taken: string;
  /** An empty copy on which a plan tries what the server can do. */
  readonly trial: string;
  /** The triggers that write the log, by their table and event. */
  trigger(side: 'old' | 'new', event: 'i' | 'u' | 'd'): string;
}

/** The names of everything that a change makes for a table. */
export function helperNames(table: string): HelperNames {
  return {
    table,
    ...{ ghost: helper(table, 'g'), old: helper(table, 'o'), log: helper(table, 'l') },
    ...{ failed: helper(table, 'f'), cursor: helper(table, 'c') },
    ...{ ticket: helper(table, 'x'), usedTicket: helper(table, 'y'), taken: helper(table, 'z') },
    trial: helper(table, 'p'),
    trigger: (side, event) => helper(table, `${side === 'old' ? 't' : 'n'}${event}`),
  };
}

/** The name of the table that says where a change stands; `table` is the first of its tables. */
export function stateName(table: string): string {
  return helper(table, 's');
}

/** Names in the order in which the server locks them. */
export function inByteOrder(names: readonly string[]): string[] {
  return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** What every name of ours has in it, and no other name by custom. */
export const MARK = '_gw_';

/** What takes the place of the first lost character of a name that is too long; it sorts behind any. */
export const CUT = '\uffee';

/**
 * A name behind the table's own in the order of bytes: the server crashes when a multi-table UPDATE meets the RENAME of a
 * table and of one whose name sorts before it. A name that is too long to be extended is cut, and what takes the place of
 * its first lost character sorts behind any.
 */
export function helper(table: string, suffix: string): string {
  const plain = `${table}${MARK}${suffix}`;
  if ([...plain].length <= LONGEST) return plain;
  const end = `${CUT}${createHash('sha256').update(table).digest('hex').slice(0, 10)}${MARK}${suffix}`;
  return `${[...table].slice(0, LONGEST - [...end].length).join('')}${end}`;
}
