import * as fc from 'fast-check';
import { mergeSchemas } from '../../domain/deploy/three-way';
import type { Column, Index, SchemaModel, Table } from '../../domain/schema/model';

/* What a branch has changed, made of what its target has become since. */

const column = (name: string, type = 'int'): Column => ({
  ...{ name, type, nullable: true, default: null, generated: null, identity: null, onUpdate: null },
  ...{ charset: null, collation: null, comment: '', options: [] },
});

const index = (name: string, ...columns: string[]): Index => ({
  ...{ name, unique: false, method: 'btree', where: null, definition: null, comment: '', options: [] },
  parts: columns.map((each) => ({ column: each, expression: null, prefix: null, descending: false })),
});

const table = (name: string, columns: readonly Column[], change: Partial<Table> = {}): Table => ({
  ...{ name, columns, primaryKey: null, indexes: [], uniques: [], foreignKeys: [], checks: [], triggers: [] },
  ...{ partitioning: null, comment: '', options: {}, rowSecurity: null },
  ...change,
});

const schema = (...tables: Table[]): SchemaModel => ({
  ...{
    dialect: 'mariadb',
    defaults: null,
    tables,
    views: [],
    routines: [],
    sequences: [],
    enums: [],
    domains: [],
    others: [],
  },
});

const orders = (names: string, change: Partial<Table> = {}): Table =>
  table(
    'orders',
    names.split(' ').map((each) => column(...(each.split(':') as [string, string]))),
    change,
  );

const order = (base: Table, branch: Table, target: Table): string | string[] => {
  const { merged, conflicts } = mergeSchemas({ base: schema(base), branch: schema(branch), target: schema(target) });
  if (conflicts.length > 0) return conflicts.map(({ message }) => message);
  return merged.tables[0]!.columns.map(({ name, type }) => (type === 'int' ? name : `${name}:${type}`)).join(' ');
};

test.each([
  ['what only the branch changed', 'a b', 'a b c', 'a b', 'a b c'],
  ['what only the target changed', 'a b', 'a b', 'a b d', 'a b d'],
  ['what both added', 'a b', 'a b c', 'a b d', 'a b c d'],
  ['what both added alike', 'a b', 'a b c', 'a b c', 'a b c'],
  ['what one changed and the other added', 'a b', 'a:text b', 'a b d', 'a:text b d'],
  ['what one dropped and the other added', 'a b c', 'a c', 'a b c d', 'a c d'],
  ['what both dropped', 'a b c', 'a c', 'a c', 'a c'],
  ['a column put at the front', 'a b', 'z a b', 'a b d', 'z a b d'],
  ['a column put between', 'a b', 'a m b', 'a b d', 'a m b d'],
  ['columns that the branch moved', 'a b c', 'c a b', 'a b c d', 'c d a b'],
  ['columns that the target moved', 'a b c', 'a b c x', 'c a b', 'c x a b'],
])('%s', (_, base, branch, target, expected) => {
  expect(order(orders(base), orders(branch), orders(target))).toBe(expected);
});

test.each([
  ['changed on both sides', 'a b', 'a:text b', 'a:bigint b', 'column orders.a was changed in both'],
  ['dropped in the branch, changed in the target', 'a b', 'b', 'a:text b', 'column orders.a was dropped in the branch'],
  ['changed in the branch, dropped in the target', 'a b', 'a:text b', 'b', 'column orders.a was changed in the branch'],
  ['added on both sides', 'a', 'a b:text', 'a b', 'column orders.b was added to both'],
  ['moved on both sides', 'a b c', 'c a b', 'b a c', 'the columns of table orders were moved in both'],
])('a column %s is a conflict', (_, base, branch, target, message) => {
  expect(order(orders(base), orders(branch), orders(target))).toEqual([expect.stringContaining(message)]);
});

test('an index of a column that the other side has dropped is a conflict', () => {
  const [base, branch] = [orders('a b'), orders('a b', { indexes: [index('by_b', 'b')] })];
  expect(order(base, branch, orders('a'))).toEqual([
    'orders.by_b needs the column b, which the other side has dropped',
  ]);
  expect(order(base, orders('a'), branch)).toHaveLength(1);
});

test('parts of one table that different sides changed are all kept', () => {
  const base = orders('a b', { comment: 'old', options: { ENGINE: 'InnoDB', ROW_FORMAT: 'DYNAMIC' } });
  const branch = { ...base, indexes: [index('by_a', 'a')], options: { ENGINE: 'InnoDB', ROW_FORMAT: 'COMPRESSED' } };
  const target = { ...base, indexes: [index('by_b', 'b')], comment: 'new' };
  const { merged, conflicts } = mergeSchemas({ base: schema(base), branch: schema(branch), target: schema(target) });
  expect(conflicts).toEqual([]);
  expect(merged.tables).toEqual([
    { ...base, comment: 'new', options: branch.options, indexes: [index('by_a', 'a'), index('by_b', 'b')] },
  ]);
});

test('tables', () => {
  const [a, b, c] = [table('a', [column('x')]), table('b', [column('x')]), table('c', [column('x')])];
  const merged = mergeSchemas({ base: schema(a, b), branch: schema(b, c), target: schema(a, b) });
  expect(merged).toMatchObject({ conflicts: [], merged: { tables: [{ name: 'b' }, { name: 'c' }] } });
  const changed = table('a', [column('x'), column('y')]);
  expect(mergeSchemas({ base: schema(a), branch: schema(), target: schema(changed) }).conflicts).toMatchObject([
    { table: 'a', message: 'table a was dropped in the branch and changed in its target' },
  ]);
  expect(mergeSchemas({ base: schema(a), branch: schema(changed), target: schema() }).conflicts).toMatchObject([
    { table: 'a', message: 'table a was changed in the branch and dropped in its target' },
  ]);
});

/* Whatever the schemas are. */

const someTable = (name: string): fc.Arbitrary<Table> =>
  fc
    .record({
      columns: fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('int', 'text')), {
        selector: ([each]) => each,
        minLength: 1,
      }),
      comment: fc.constantFrom('', 'x'),
      indexes: fc.uniqueArray(fc.constantFrom('i', 'j')),
    })
    .map(({ columns, comment, indexes }) =>
      table(
        name,
        columns.map(([each, type]) => column(each, type)),
        { comment, indexes: indexes.toSorted().map((each) => index(each, columns[0]![0])) },
      ),
    );
const someSchema: fc.Arbitrary<SchemaModel> = fc
  .subarray(['s', 't', 'u'])
  .chain((names) => fc.tuple(...names.map(someTable)))
  .map((tables) => schema(...tables));

test('a target that has not changed becomes the branch', () => {
  fc.assert(
    fc.property(someSchema, someSchema, (base, branch) => {
      expect(mergeSchemas({ base, branch, target: base })).toEqual({ merged: branch, conflicts: [] });
    }),
  );
});

test('a branch that has not changed leaves its target as it is', () => {
  fc.assert(
    fc.property(someSchema, someSchema, (base, target) => {
      expect(mergeSchemas({ base, branch: base, target })).toEqual({ merged: target, conflicts: [] });
    }),
  );
});

test('what both made alike is as they made it', () => {
  fc.assert(
    fc.property(someSchema, someSchema, (base, both) => {
      expect(mergeSchemas({ base, branch: both, target: both })).toEqual({ merged: both, conflicts: [] });
    }),
  );
});

test('it is a conflict whichever side is the branch', () => {
  fc.assert(
    fc.property(someSchema, someSchema, someSchema, (base, one, other) => {
      const [there, back] = [
        mergeSchemas({ base, branch: one, target: other }),
        mergeSchemas({ base, branch: other, target: one }),
      ];
      const subjects = ({ conflicts }: typeof there): string[] =>
        conflicts.map(({ table: of, subject }) => `${of}.${subject}`);
      expect(subjects(there).toSorted()).toEqual(subjects(back).toSorted());
      // What was merged once needs nothing any more.
      if (there.conflicts.length === 0)
        expect(mergeSchemas({ base: other, branch: there.merged, target: there.merged }).merged).toEqual(there.merged);
    }),
  );
});
