import { assigned } from '../../domain/schema/postgresql/types';
import { asideName } from '../../drivers/database/postgresql/names';
import { originsOf } from '../../drivers/database/postgresql/origins';

const moved = (from: string, key: string, statement: string) => ({ op: 'm' as const, key, from, statement });
const made = (key: string) => ({ op: 'i' as const, key, from: null, statement: null });

test('a row that moves keeps what it had, whoever moves to where it was', () => {
  expect([...originsOf([moved('a', 'b', '1'), moved('b', 'c', '2')])]).toEqual([
    ['a', null],
    ['b', null],
    ['c', 'a'],
  ]);
  expect(originsOf([moved('a', 'b', '1'), moved('b', 'a', '1')])).toEqual(
    new Map([
      ['a', 'b'],
      ['b', 'a'],
    ]),
  );
  expect(originsOf([moved('a', 'b', '1'), moved('b', 'a', '2')]).get('a')).toBe('a');
  expect(originsOf([moved('a', 'b', '1'), made('a'), moved('a', 'c', '2')]).get('c')).toBeNull();
});

test('a value is assigned and not cut', () => {
  expect(assigned('v', 'text', 'character varying(4)')).toBe('v::text::character varying');
  expect(assigned('v', 'character varying(9)', 'character(4)')).toBe('v::text::bpchar');
  expect(assigned('v', 'timestamp(3) without time zone', 'timestamp(0) without time zone')).toBe(
    'v::timestamp without time zone',
  );
  expect(assigned('v', 'integer', 'integer')).toBe('v');
});

test('names that are cut stay apart, and are never too long', () => {
  const long = 'ö'.repeat(31);
  const [one, other] = [asideName(`${long}a`, 'old'), asideName(`${long}b`, 'old')];
  expect(one).not.toBe(other);
  expect([one, other].map((each) => Buffer.byteLength(each) <= 63)).toEqual([true, true]);
  expect(asideName('t', 'new')).toBe('t_gw_new');
});
