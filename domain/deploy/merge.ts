import { same } from '../schema/table-change';

/** Something that branch and target have both changed, and not alike. */
export interface Conflict {
  /** The table that it is in; null for what is beside tables. */
  readonly table: string | null;
  /** What was changed, by its name. */
  readonly subject: string;
  /** For people, a sentence. */
  readonly message: string;
}

/** Three states of something. */
export interface Three<T> {
  readonly base: T;
  readonly branch: T;
  readonly target: T;
}

/** What of three states holds: whatever changed, if not both did; `undefined` is for what was not there. */
export function mergeOne<T>({ base, branch, target }: Three<T>): { readonly value: T } | 'conflict' {
  if (same(branch, base) || same(branch, target)) return { value: target };
  return same(target, base) ? { value: branch } : 'conflict';
}

/** How both sides came to differ, in a few words. */
export function wayOf<T>({ base, branch, target }: Three<T | undefined>): string {
  if (base === undefined) return 'was added to both the branch and its target, in different ways';
  if (branch === undefined) return 'was dropped in the branch and changed in its target';
  if (target === undefined) return 'was changed in the branch and dropped in its target';
  return 'was changed in both the branch and its target, in different ways';
}

/** Merges parts that are known by their names; sorted by name. */
export function mergeNamed<T extends { readonly name: string }>(
  what: string,
  parts: Three<readonly T[]>,
  conflicts: Conflict[],
  table: string | null,
): T[] {
  return namesOf(parts).flatMap((name) => {
    const three = named(parts, name);
    const merged = mergeOne(three);
    if (merged !== 'conflict') return merged.value === undefined ? [] : [merged.value];
    const subject = table === null ? name : `${table}.${name}`;
    conflicts.push({ table, subject: name, message: `${what} ${subject} ${wayOf(three)}` });
    return [];
  });
}

/** Every name of three lists of parts, sorted. */
export function namesOf(parts: Three<readonly { readonly name: string }[]>): string[] {
  const all = [...parts.base, ...parts.branch, ...parts.target].map(({ name }) => name);
  return [...new Set(all)].sort((one, other) => (one < other ? -1 : 1));
}

/** The parts of one name. */
export function named<T extends { readonly name: string }>(
  parts: Three<readonly T[]>,
  name: string,
): Three<T | undefined> {
  const find = (list: readonly T[]): T | undefined => list.find((part) => part.name === name);
  return { base: find(parts.base), branch: find(parts.branch), target: find(parts.target) };
}
