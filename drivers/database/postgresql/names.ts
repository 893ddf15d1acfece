import { createHash } from 'node:crypto';

/** The longest name, in bytes; the server cuts what is longer. */
const LONGEST = 63;

/** The schema in which everything of ours is that no user's table needs beside it. */
export const OWN_SCHEMA = 'gatewright';

/** The two sides of a change: what was there before it, and what it makes. */
export type Side = 'old' | 'new';

/**
 * The name of a table, index, sequence or statistics object of one side while the other side has its name.
 * @param name that it has while it is live.
 */
export function asideName(name: string, side: Side): string {
  return shortened(name, `_gw_${side}`);
}

/** Whether a name is one of {@link asideName}'s. */
export function isAside(name: string): boolean {
  return /_gw_(?:old|new)$/.test(name);
}

/** The name of something in our own schema that belongs to a change, as in `log_<id>_1_f`. */
export function ownName(kind: string, changeId: string, suffix = ''): string {
  return shortened(`${kind}_${changeId}`, suffix);
}

/** Our triggers. They come first among a table's: by custom no other name begins like that. */
export const TriggerName = {
  /** Notes every changed key. */
  log: '!gw_log',
  /** Notes that all rows are gone. */
  truncate: '!gw_truncate',
  /** Refuses writes of transactions that began before the table was there. */
  fence: '!gw_fence',
  /** Refuses writes to the side that is put aside. */
  block: '!gw_block',
} as const;
export type TriggerName = (typeof TriggerName)[keyof typeof TriggerName];

/** Whether a trigger is one of {@link TriggerName}. */
export function isOwnTrigger(name: string): boolean {
  return (Object.values(TriggerName) as string[]).includes(name);
}

function shortened(name: string, suffix: string): string {
  const plain = `${name}${suffix}`;
  if (Buffer.byteLength(plain) <= LONGEST) return plain;
  const end = `_${createHash('sha256').update(name).digest('hex').slice(0, 10)}${suffix}`;
  let start = name;
  while (Buffer.byteLength(start) + end.length > LONGEST) start = [...start].slice(0, -1).join('');
  return `${start}${end}`;
}
