import type { Rename } from '../../domain/schema/change';
import type { SchemaModel } from '../../domain/schema/model';
import { declaredRenames } from '../../domain/schema/renames';

/* Which of the renames that somebody declared a difference has. */

/** A schema with a table `orders` of such columns; none without. */
const orders = (columns?: string): SchemaModel => {
  const named = columns?.split(' ').map((name) => ({ name }));
  return { tables: named ? [{ name: 'orders', columns: named }] : [] } as unknown as SchemaModel;
};

const rename = (from: string, to: string, table = 'orders'): Rename => ({ table, from, to });
const outcome = (from: SchemaModel, to: SchemaModel, ...declared: Rename[]) => {
  const { renames, problems } = declaredRenames(from, to, declared);
  return [renames.map((each) => `${each.from} ${each.to}`), problems.length];
};

test.each([
  ['a column that goes and one that comes', 'id note', 'id remark', 1, 0],
  ['that was made already', 'id remark', 'id remark', 0, 0],
  ['of a column that stays', 'id note', 'id note remark', 0, 1],
  ['to a column that was there', 'id note remark', 'id remark', 0, 1],
  ['to a column that does not come', 'id note', 'id', 0, 1],
  ['of a column that was not there', 'id', 'id remark', 0, 1],
  ['of a table that goes', 'id note', undefined, 0, 1],
  ['of a table that comes', undefined, 'id remark', 0, 1],
])('%s', (_, from, to, found, problems) => {
  expect(outcome(orders(from), orders(to), rename('note', 'remark'))).toEqual([
    found === 1 ? ['note remark'] : [],
    problems,
  ]);
});

test('two of one column, or to one, are no renames', () => {
  const both = [orders('a b'), orders('c d')] as const;
  expect(outcome(...both, rename('a', 'c'), rename('b', 'd'))).toEqual([['a c', 'b d'], 0]);
  expect(outcome(...both, rename('a', 'c'), rename('a', 'd'))).toEqual([[], 2]);
  expect(outcome(...both, rename('a', 'c'), rename('b', 'c'))).toEqual([[], 2]);
});

test('a problem names the columns', () => {
  const { problems } = declaredRenames(orders('id note'), orders('id'), [rename('note', 'remark')]);
  expect(problems).toEqual([
    'a rename of orders.note to remark is declared, but the change does not drop the one and add the other',
  ]);
});
