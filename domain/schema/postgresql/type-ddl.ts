import type { Column, DomainType, EnumType, Table } from '../model';
import { same, type Change } from '../table-change';
import { changedComment, checkDefinition, commentOn } from './parts';
import { literal, name } from './quote';

export function createEnum({ name: own, values, comment }: EnumType): string[] {
  return [
    `CREATE TYPE ${name(own)} AS ENUM (${values.map(literal).join(', ')})`,
    ...commentOn(`TYPE ${name(own)}`, comment),
  ];
}

export function createDomain(type: DomainType): string[] {
  const { name: own, checks } = type;
  const words = [
    `CREATE DOMAIN ${name(own)} AS ${type.type}`,
    type.collation !== null && `COLLATE ${type.collation}`,
    type.default !== null && `DEFAULT ${type.default}`,
    !type.nullable && 'NOT NULL',
    ...checks.map((check) => checkDefinition({ ...check, validated: true })),
  ];
  return [
    words.filter(Boolean).join(' '),
    ...commentOn(`DOMAIN ${name(own)}`, type.comment),
    ...checks.flatMap((check) => commentOn(`CONSTRAINT ${name(check.name)} ON DOMAIN ${name(own)}`, check.comment)),
  ];
}

/** Values can be added anywhere; one that goes, or another order, needs another type. */
export function remakes({ from, to }: Change<EnumType> | Change<DomainType>): boolean {
  if ('values' in from && 'values' in to) {
    const kept = to.values.filter((value) => from.values.includes(value));
    return !same(kept, from.values);
  }
  return 'type' in from && 'type' in to && (from.type !== to.type || from.collation !== to.collation);
}

/** Of the type itself, or an array of it; the server prints a plain name bare. */
export function isOfType({ type }: Column, { name: own }: EnumType | DomainType): boolean {
  return [own, name(own)].includes(type.replace(/(\[\])+$/, ''));
}

export function alterEnum(change: Change<EnumType>, tables: readonly Table[]): string[] {
  const { from, to } = change;
  if (remakes(change)) return remake(from, createEnum(to), tables);
  // A revert leaves values behind, which are there then when it is taken back.
  const added = to.values.flatMap((value, i) => {
    if (from.values.includes(value)) return [];
    const place = i === 0 ? `BEFORE ${literal(from.values[0]!)}` : `AFTER ${literal(to.values[i - 1]!)}`;
    return [`ALTER TYPE ${name(to.name)} ADD VALUE IF NOT EXISTS ${literal(value)} ${place}`];
  });
  return [...added, ...changedComment(`TYPE ${name(to.name)}`, from.comment, to.comment)];
}

export function alterDomain(change: Change<DomainType>, tables: readonly Table[]): string[] {
  const { from, to } = change;
  if (remakes(change)) return remake(from, createDomain(to), tables);
  const domain = `ALTER DOMAIN ${name(to.name)}`;
  return [
    ...lacking(from.checks, to.checks).map((check) => `${domain} DROP CONSTRAINT ${name(check.name)}`),
    ...lacking(to.checks, from.checks).map((check) => `${domain} ADD ${checkDefinition(check)}`),
    ...(from.default === to.default
      ? []
      : [to.default === null ? `${domain} DROP DEFAULT` : `${domain} SET DEFAULT ${to.default}`]),
    ...(from.nullable === to.nullable ? [] : [`${domain} ${to.nullable ? 'DROP' : 'SET'} NOT NULL`]),
    ...changedComment(`DOMAIN ${name(to.name)}`, from.comment, to.comment),
  ];
}

/** Another type takes the name, and every column of the old one becomes of it by way of its text. */
function remake(type: EnumType | DomainType, create: readonly string[], tables: readonly Table[]): string[] {
  const [kind, aside] = ['values' in type ? 'TYPE' : 'DOMAIN', name(`${type.name.slice(0, 40)} being rebuilt`)];
  const users = tables.flatMap((table) =>
    table.columns.filter((column) => isOfType(column, type)).map((column) => ({ table, column })),
  );
  return [
    `ALTER ${kind} ${name(type.name)} RENAME TO ${aside}`,
    ...create,
    ...users.flatMap(({ table, column }) => {
      const of = `ALTER TABLE ${name(table.name)} ALTER COLUMN ${name(column.name)}`;
      const array = /(\[\])+$/.exec(column.type)?.[0] ?? '';
      return [
        ...(column.default === null ? [] : [`${of} DROP DEFAULT`]),
        `${of} TYPE ${column.type} USING ${name(column.name)}::text${array}::${column.type}`,
        ...(column.default === null ? [] : [`${of} SET DEFAULT ${column.default}`]),
      ];
    }),
    `DROP ${kind} ${aside}`,
  ];
}

/** The parts of one list that the other does not have in the same form. */
function lacking<T>(parts: readonly T[], others: readonly T[]): T[] {
  return parts.filter((part) => !others.some((other) => same(other, part)));
}
