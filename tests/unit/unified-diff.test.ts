import * as fc from 'fast-check';
import { hunks } from '../../domain/schema/line-diff';
import type { SchemaModel, Table } from '../../domain/schema/model';
import { mysqlDdl } from '../../domain/schema/mysql/ddl';
import { postgresDdl } from '../../domain/schema/postgresql/ddl';
import { unifiedDiff } from '../../domain/schema/unified';

/** What `patch` makes of a text. */
function patched(from: readonly string[], diff: readonly string[]): string[] {
  const made: string[] = [];
  let at = 0;
  for (const line of diff) {
    const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(line);
    if (header) {
      const first = Number(header[1]) - (header[2] === '0' ? 0 : 1);
      made.push(...from.slice(at, first));
      at = first;
      expect(made).toHaveLength(Number(header[3]) - (header[4] === '0' ? 0 : 1));
    } else if (line.startsWith('+')) made.push(line.slice(1));
    else {
      expect(from[at]).toBe(line.slice(1));
      if (line.startsWith(' ')) made.push(from[at]!);
      at++;
    }
  }
  return [...made, ...from.slice(at)];
}

test('a diff makes one text of another, and says no more than it has to', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ' -', '+', ''), { maxLength: 40 });
  fc.assert(
    fc.property(text, text, (from, to) => {
      const diff = hunks(from, to);
      expect(patched(from, diff)).toEqual(to);
      expect(diff.length === 0).toBe(JSON.stringify(from) === JSON.stringify(to));
      const [removed, added] = ['-', '+'].map((mark) => diff.filter((line) => line.startsWith(mark)).length);
      expect(from.length - removed!).toBe(to.length - added!);
    }),
    { numRuns: 500 },
  );
});

test('hunks have three lines around them, and near ones are one', () => {
  const numbers = Array.from({ length: 30 }, (_, i) => `line ${i + 1}`);
  const changed = numbers.map((line) => (['line 5', 'line 11', 'line 25'].includes(line) ? `${line}!` : line));
  const diff = hunks(numbers, changed);
  expect(diff.filter((line) => line.startsWith('@@'))).toEqual(['@@ -2,13 +2,13 @@', '@@ -22,7 +22,7 @@']);
  expect(diff.slice(1, 6)).toEqual([' line 2', ' line 3', ' line 4', '-line 5', '+line 5!']);
});

const table: Table = {
  name: 't',
  columns: ['id', 'a'].map((name) => ({
    ...{ name, type: 'integer', nullable: name !== 'id', default: null, generated: null, identity: null },
    ...{ onUpdate: null, charset: null, collation: null, comment: '', options: [] },
  })),
  primaryKey: null,
  ...{ indexes: [], uniques: [], foreignKeys: [], checks: [], triggers: [], partitioning: null, rowSecurity: null },
  ...{ comment: '', options: {} },
};
const empty: SchemaModel = {
  ...{ dialect: 'postgresql', defaults: null, tables: [], views: [], routines: [], sequences: [], enums: [] },
  ...{ domains: [], others: [] },
};

test('a change is shown object by object', () => {
  const wider = { ...table, columns: table.columns.map((column) => ({ ...column, type: 'bigint' })) };
  const mood = { name: 'mo\nod', values: ['sad', 'ok'], comment: '' };
  const shown = unifiedDiff(
    { from: { ...empty, tables: [table] }, to: { ...empty, tables: [wider], enums: [mood] }, renames: [] },
    postgresDdl,
  );
  expect(shown).toEqual([
    {
      ...{ object: 'enum', name: 'mo\nod' },
      text: `--- /dev/null\n+++ "b/enum/mo\\nod"\n@@ -0,0 +1,2 @@\n+CREATE TYPE "mo\n+od" AS ENUM ('sad', 'ok');\n`,
    },
    {
      ...{ object: 'table', name: 't' },
      text:
        '--- a/table/t\n+++ b/table/t\n@@ -1,4 +1,4 @@\n CREATE TABLE "t" (\n-  "id" integer NOT NULL,\n-  "a" integer\n' +
        '+  "id" bigint NOT NULL,\n+  "a" bigint\n );\n',
    },
  ]);
});

test('a table that goes is shown as it was, on MariaDB as well', () => {
  const from: SchemaModel = { ...empty, dialect: 'mariadb', tables: [{ ...table, options: { ENGINE: 'InnoDB' } }] };
  const [gone] = unifiedDiff({ from, to: { ...from, tables: [] }, renames: [] }, mysqlDdl);
  expect(gone!.text).toMatch(
    /^--- a\/table\/t\n\+\+\+ \/dev\/null\n@@ -1,4 \+0,0 @@\n-CREATE TABLE `t` \(\n- {2}`id` integer/,
  );
  expect(unifiedDiff({ from, to: from, renames: [] }, mysqlDdl)).toEqual([]);
});
