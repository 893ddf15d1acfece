import fc from 'fast-check';
import { ageMs, lockFor, unlocked, type Lock, type Wanted } from '../../domain/rollout/locks';
import { seed } from '../support/random';

const at = new Date(90_000);
const wanted = (owner: string, ...deployments: readonly string[]): Wanted => ({
  ...{ databaseId: 'shop', deployments, owner, at },
});
const lock = (owner: string, ...deployments: readonly string[]): Lock => ({
  ...{ databaseId: 'shop', deployments, owner, acquiredAt: new Date(0), forced: null },
});
const reason = { by: 'ann', reason: 'apply-1 died with its host' };

test('who asks again has what it had, with its age', () => {
  const held = [lock('apply-1', 'eu', 'us')];
  expect(lockFor(wanted('apply-1', 'us', 'eu'), held)).toEqual({ lock: held[0], had: true, lost: [] });
  expect(lockFor(wanted('apply-1', 'us'), held).had).toBe(true);
  expect(ageMs(held[0]!, at)).toBe(90_000);
  // More than it had is another lock, beside the first.
  expect(lockFor(wanted('apply-1', 'us', 'asia'), held)).toMatchObject({ had: false, lock: { acquiredAt: at } });
});

test.each<[string, readonly string[], readonly string[]]>([
  ['one deployment of both', ['eu', 'us'], ['us', 'asia']],
  ['the whole database', ['eu'], []],
  ['a part of the whole database', [], ['eu']],
])('somebody else’s %s is refused with its owner and age', (_, has, wants) => {
  const ask = (): unknown => lockFor(wanted('apply-2', ...wants), [lock('apply-1', ...has)]);
  expect(ask).toThrow('apply-1 has had the lock for 90 s');
  const data = { owner: 'apply-1', ageMs: 90_000, allowed: ['force'] };
  expect(ask).toThrow(expect.objectContaining({ code: 'LOCK_HELD', data }));
});

test('other deployments, and those of other databases, are nobody’s concern', () => {
  const held = [lock('apply-1', 'eu'), { ...lock('apply-3'), databaseId: 'crm' }];
  expect(lockFor(wanted('apply-2', 'us'), held)).toMatchObject({ had: false, lost: [], lock: { forced: null } });
});

test('a force takes it with a reason that is kept, and never without one', () => {
  const held = [lock('apply-1', 'eu'), lock('apply-3', 'us'), lock('apply-4', 'asia')];
  const taken = lockFor({ ...wanted('apply-2', 'us', 'eu'), force: reason }, held);
  expect(taken.lost).toEqual(held.slice(0, 2));
  expect(taken.lock).toMatchObject({ owner: 'apply-2', forced: { ...reason, from: ['apply-1', 'apply-3'] } });
  for (const force of [
    { ...reason, reason: '' },
    { ...reason, reason: ' \n' },
    { ...reason, by: ' ' },
  ])
    for (const act of [lockFor, unlocked])
      expect(() => act({ ...wanted('apply-2', 'eu'), force }, held)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT' }),
      );
  // Where nobody else has it, nothing was forced.
  expect(lockFor({ ...wanted('apply-2', 'africa'), force: reason }, held).lock.forced).toBeNull();
});

test('it is given back by its owner, as often as it likes, or by force', () => {
  const held = [lock('apply-1', 'eu'), lock('apply-3', 'us')];
  expect(unlocked(wanted('apply-1', 'eu'), held)).toEqual([held[1]]);
  expect(unlocked(wanted('apply-1', 'eu'), [held[1]!])).toEqual([held[1]]);
  expect(() => unlocked(wanted('apply-2', 'eu'), held)).toThrow('apply-1 has had the lock');
  expect(unlocked({ ...wanted('apply-2', 'eu'), force: reason }, held)).toEqual([held[1]]);
});

test('whatever is asked in whatever order, no two owners ever hold the same deployment', () => {
  const asked = fc.record({
    owner: fc.constantFrom('apply-1', 'apply-2', 'apply-3'),
    deployments: fc.subarray(['eu', 'us', 'asia']),
    isForced: fc.boolean(),
    isGivenBack: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 12 }), (all) => {
      let held: readonly Lock[] = [];
      for (const { owner, deployments, isForced, isGivenBack } of all) {
        const ask = { ...wanted(owner, ...deployments), ...(isForced && { force: reason }) };
        try {
          if (isGivenBack) held = unlocked(ask, held);
          else {
            const { lock: taken, lost } = lockFor(ask, held);
            held = [...held.filter((each) => each !== taken && !lost.includes(each)), taken];
          }
        } catch {
          expect(isForced).toBe(false);
        }
        for (const each of held)
          expect(lockFor({ ...wanted(each.owner, ...each.deployments) }, held)).toMatchObject({ had: true, lost: [] });
      }
    }),
    { seed, numRuns: 300 },
  );
});
