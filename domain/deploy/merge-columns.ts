import type { Column } from '../schema/model';
import { same } from '../schema/table-change';
import { mergeOne, named, namesOf, wayOf, type Conflict, type Three } from './merge';

/** Merges the columns of a table, and their order. */
export function mergeColumns(table: string, columns: Three<readonly Column[]>, conflicts: Conflict[]): Column[] {
  const merged = new Map<string, Column>();
  for (const name of namesOf(columns)) {
    const three = named(columns, name);
    const one = mergeOne(three);
    if (one === 'conflict')
      conflicts.push({ table, subject: name, message: `column ${table}.${name} ${wayOf(three)}` });
    else if (one.value !== undefined) merged.set(name, one.value);
  }
  return mergeOrder(table, columns, [...merged.keys()], conflicts).flatMap((name) => merged.get(name) ?? []);
}

/**
 * The order of whoever moved columns, into which what only the other has is put behind what it stands behind there. Where
 * both moved columns, and not alike, nobody can tell.
 */
function mergeOrder(
  table: string,
  columns: Three<readonly Column[]>,
  names: readonly string[],
  conflicts: Conflict[],
): string[] {
  const order = (list: readonly Column[]): string[] =>
    list.map(({ name }) => name).filter((name) => names.includes(name));
  const [base, branch, target] = [order(columns.base), order(columns.branch), order(columns.target)];
  const common = base.filter((name) => branch.includes(name) && target.includes(name));
  const among = (list: readonly string[]): string[] => list.filter((name) => common.includes(name));
  const moved = (list: readonly string[]): boolean => !same(among(list), common);
  if (moved(branch) && moved(target) && !same(among(branch), among(target)))
    conflicts.push({
      ...{ table, subject: table },
      message: `the columns of table ${table} were moved in both the branch and its target, in different ways`,
    });
  const [leading, following] = moved(branch) && !moved(target) ? [branch, target] : [target, branch];
  const placed = [...leading];
  following.forEach((name, i) => {
    if (placed.includes(name)) return;
    const before = following.slice(0, i).findLast((other) => placed.includes(other));
    placed.splice(before === undefined ? 0 : placed.indexOf(before) + 1, 0, name);
  });
  return placed;
}
