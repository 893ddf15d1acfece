import type { DdlWriter } from '../schema/ddl';
import type { Statements } from '../schema/statements';
import type { SchemaModel } from '../schema/model';
import { mysqlDdl } from '../schema/mysql/ddl';
import { postgresDdl } from '../schema/postgresql/ddl';
import type { ObjectText } from './contract';

/** A schema as people read it: the statements that make it, an object at a time, by name within each kind. */
export function schemaTexts(model: SchemaModel): ObjectText[] {
  const ddl = model.dialect === 'postgresql' ? postgresDdl : mysqlDdl;
  return [
    ...texts(model.enums, ddl.createEnum),
    ...texts(model.domains, ddl.createDomain),
    ...texts(model.sequences, ddl.createSequence),
    ...texts(model.routines, ddl.createRoutine),
    ...texts(model.tables, ddl.createTable),
    ...texts(model.views, ddl.createView),
  ];
}

/** What differs between two schemas: of each object that does, its lines, which begin with `+`, `-` or a blank. */
export function diffTexts(from: SchemaModel, to: SchemaModel): ObjectText[] {
  const [before, after] = [byName(schemaTexts(from)), byName(schemaTexts(to))];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .map((name) => ({ name, old: before.get(name) ?? '', fresh: after.get(name) ?? '' }))
    .filter(({ old, fresh }) => old !== fresh)
    .map(({ name, old, fresh }) => ({ name, text: diffLines(old, fresh) }));
}

function byName(objects: readonly ObjectText[]): Map<string, string> {
  return new Map(objects.map(({ name, text }) => [name, text]));
}

function texts<T extends { readonly name: string }>(
  objects: readonly T[],
  create: (object: T) => ReturnType<DdlWriter['createTable']>,
): ObjectText[] {
  return objects.map((object) => ({ name: object.name, text: textOf(create(object)) }));
}

function textOf({ first, main, last }: Statements): string {
  return [...first, ...main, ...last].map((statement) => `${statement};`).join('\n');
}

/** Lines of two texts in one, each with what became of it. */
export function diffLines(before: string, after: string): string {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const kept = commonLengths(old, fresh);
  const lines: string[] = [];
  let [at, other] = [0, 0];
  while (at < old.length || other < fresh.length) {
    if (at < old.length && other < fresh.length && old[at] === fresh[other]) {
      lines.push(` ${old[at]}`);
      at++;
      other++;
    } else if (other === fresh.length || (at < old.length && kept[at + 1]![other]! >= kept[at]![other + 1]!)) {
      lines.push(`-${old[at++]}`);
    } else lines.push(`+${fresh[other++]}`);
  }
  return lines.join('\n');
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}

/** How many lines in order the rests of both have in common, from every place on. */
function commonLengths(old: readonly string[], fresh: readonly string[]): number[][] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Array<number>(fresh.length + 1).fill(0));
  for (let at = old.length - 1; at >= 0; at--)
    for (let other = fresh.length - 1; other >= 0; other--)
      lengths[at]![other] =
        old[at] === fresh[other]
          ? lengths[at + 1]![other + 1]! + 1
          : Math.max(lengths[at + 1]![other]!, lengths[at]![other + 1]!);
  return lengths;
}
