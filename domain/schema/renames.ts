import type { Rename } from './change';
import { columnOf, tableOf, type SchemaModel } from './model';

/** The declared renames that a difference between two schemas has, and what is wrong with the others. */
export interface DeclaredRenames {
  readonly renames: readonly Rename[];
  /** For people, a sentence each. */
  readonly problems: readonly string[];
}

/**
 * Finds which declared renames a difference has: the old column goes, and the new one comes. One that was made already
 * is left out; any other is a mistake, and whoever made it would lose values by it.
 */
export function declaredRenames(from: SchemaModel, to: SchemaModel, declared: readonly Rename[]): DeclaredRenames {
  const found: Rename[] = [];
  const problems: string[] = [];
  for (const rename of declared) {
    const [old, fresh] = [tableOf(from, rename.table), tableOf(to, rename.table)];
    const has = (table: typeof old, column: string): boolean => table !== null && columnOf(table, column) !== null;
    if (isTwice(rename, declared)) problems.push(`${named(rename)} is declared together with another of that column`);
    else if (has(old, rename.from) && !has(fresh, rename.from) && has(fresh, rename.to) && !has(old, rename.to))
      found.push(rename);
    else if (has(old, rename.from) || !has(old, rename.to))
      problems.push(`${named(rename)} is declared, but the change does not drop the one and add the other`);
  }
  return { renames: found, problems };
}

/** Whether one of its columns is in another of them. */
function isTwice(rename: Rename, all: readonly Rename[]): boolean {
  return all.some(
    (other) =>
      other !== rename && other.table === rename.table && (other.from === rename.from || other.to === rename.to),
  );
}

function named({ table, from, to }: Rename): string {
  return `a rename of ${table}.${from} to ${to}`;
}
