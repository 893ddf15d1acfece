import type { ObjectKind, SchemaChange } from './change';
import type { DdlWriter } from './ddl';
import type { Statements } from './statements';
import { hunks } from './line-diff';
import type { SchemaModel } from './model';
import { same } from './table-change';

/** How the text of one object differs. */
export interface ObjectDiff {
  readonly object: ObjectKind;
  readonly name: string;
  /** A unified diff of the statements that make it, with `--- ` and `+++ ` lines; ends with a line feed. */
  readonly text: string;
}

/**
 * What a change does, object by object, as people read changes of text: the statements that would make each object anew,
 * before and after.
 */
export function unifiedDiff({ from, to }: SchemaChange, ddl: DdlWriter): ObjectDiff[] {
  return kinds.flatMap(({ object, of, write }) => {
    const [before, after] = [parts(of(from)), parts(of(to))];
    const names = [...new Set([...before.keys(), ...after.keys()])].sort();
    return names.flatMap((name) => {
      const [old, fresh] = [before.get(name), after.get(name)];
      if (same(old, fresh)) return [];
      const shown = hunks(textOf(write, old, ddl), textOf(write, fresh, ddl));
      const side = (letter: string, part: unknown): string =>
        part === undefined ? '/dev/null' : oneLine(`${letter}/${object}/${name}`);
      return shown.length === 0
        ? []
        : [{ object, name, text: [`--- ${side('a', old)}`, `+++ ${side('b', fresh)}`, ...shown, ''].join('\n') }];
    });
  });
}

interface Named {
  readonly name: string;
}

interface Kind {
  readonly object: ObjectKind;
  readonly of: (model: SchemaModel) => readonly Named[];
  readonly write: (part: never, ddl: DdlWriter) => Statements;
}

function kind<T extends Named>(
  object: ObjectKind,
  of: (model: SchemaModel) => readonly T[],
  write: (part: T, ddl: DdlWriter) => Statements,
): Kind {
  return { object, of, write };
}

const kinds: readonly Kind[] = [
  kind(
    'enum',
    ({ enums }) => enums,
    (part, ddl) => ddl.createEnum(part),
  ),
  kind(
    'domain',
    ({ domains }) => domains,
    (part, ddl) => ddl.createDomain(part),
  ),
  kind(
    'sequence',
    ({ sequences }) => sequences,
    (part, ddl) => ddl.createSequence(part),
  ),
  kind(
    'table',
    ({ tables }) => tables,
    (part, ddl) => ddl.createTable(part),
  ),
  kind(
    'view',
    ({ views }) => views,
    (part, ddl) => ddl.createView(part),
  ),
  kind(
    'routine',
    ({ routines }) => routines,
    (part, ddl) => ddl.createRoutine(part),
  ),
];

function parts(all: readonly Named[]): ReadonlyMap<string, Named> {
  return new Map(all.map((part) => [part.name, part]));
}

function textOf(write: Kind['write'], part: Named | undefined, ddl: DdlWriter): string[] {
  if (part === undefined) return [];
  const { first, main, last } = write(part as never, ddl);
  return [...first, ...main, ...last].flatMap((statement) => `${statement.trimEnd()};`.split('\n'));
}

/** A path that stays in its line, whatever a name has in it. */
function oneLine(path: string): string {
  return /[\n\r\t]/.test(path) ? JSON.stringify(path) : path;
}
