import fc from 'fast-check';
import { ApplyState, applyStateFacts, isSettled } from '../../domain/rollout/states';
import { verdictOf, type Known, type Outcome, type Verdict } from '../../domain/rollout/verdict';
import { seed } from '../support/random';
import { applyId, atWork, operations, settled, shuffled, states, type StoredOperation } from './support/arbitrary';

const settings = { seed, numRuns: 500 };
const at = new Date(1_000);
const running: Outcome = { state: 'running', completedAt: null, error: null };

function verdict(rows: readonly unknown[], more: Partial<Known> = {}): Verdict {
  return verdictOf({ applyId, expected: rows.length, rows, stored: running, at, ...more });
}

test('the order in which operations are read never changes the verdict', () => {
  // With few states, failures meet what they hold.
  const any = fc.oneof(operations(), operations(['failed', 'pending', 'stopped', 'completed']));
  const both = any.chain((all) => fc.tuple(fc.constant(all), shuffled(all), fc.boolean()));
  fc.assert(
    fc.property(both, ([all, other, paused]) => {
      expect(verdict(other, { paused })).toEqual(verdict(all, { paused }));
    }),
    settings,
  );
});

test('what has settled never changes, whatever the rows and the operations say', () => {
  const outcome = fc.record({
    state: fc.constantFrom(...settled),
    completedAt: fc.constant(new Date(5)),
    error: fc.constantFrom(null, 'it failed'),
  });
  const rows = fc.oneof(operations(), fc.constant('unreadable' as const), fc.constant('none' as const));
  const current = fc.record({ id: fc.constantFrom(null, 'op-0', 'nobody'), state: fc.constantFrom(...states) });
  fc.assert(
    fc.property(outcome, rows, current, (stored, read, says) => {
      const found = verdictOf({ applyId, expected: 3, rows: read, stored, current: says, at });
      expect(found).toEqual({ ...stored, determined: true, blamed: [] });
    }),
    settings,
  );
});

test('an operation that is at work, or may be, holds its apply, whatever the others are', () => {
  const held = operations(states, 0).chain((others) =>
    fc.tuple(
      fc.constant(others),
      operations(atWork).map(([one]) => one!),
      fc.nat({ max: others.length }),
    ),
  );
  fc.assert(
    fc.property(held, fc.boolean(), ([others, one, place], paused) => {
      const all = [...others.slice(0, place), one, ...others.slice(place)];
      const found = verdict(all.map(inPlace), { paused });
      expect(isSettled(found.state)).toBe(false);
      expect([found.completedAt, found.error]).toEqual([null, null]);
    }),
    settings,
  );
});

test('an operation that waits or was stopped holds its apply, unless a failure before or after it halts all', () => {
  const rows = fc.tuple(
    operations(),
    operations(['pending', 'stopped']).map(([one]) => one!),
  );
  fc.assert(
    fc.property(rows, ([others, one]) => {
      const found = verdict([...others, one].map(inPlace));
      if (!isSettled(found.state)) return;
      expect(found.state).toBe('failed');
      expect(others.some(isHalt)).toBe(true);
      expect(one.state === 'stopped' && one.startedAt !== null).toBe(false);
    }),
    settings,
  );
});

test('a row that cannot be read, is another apply’s, is missing or there twice never lets an apply end', () => {
  const damages: readonly ((rows: readonly StoredOperation[], i: number) => readonly unknown[])[] = [
    (rows, i) => rows.with(i, null as never),
    (rows, i) => rows.with(i, { ...rows[i]!, state: 'complette' as never }),
    (rows, i) => rows.with(i, { ...rows[i]!, position: '1' as never }),
    (rows, i) => rows.with(i, { ...rows[i]!, id: '' }),
    (rows, i) => rows.with(i, { ...rows[i]!, applyId: 'another' }),
    (rows, i) => rows.filter((_, other) => other !== i),
    (rows, i) => [...rows, rows[i]!],
    (rows, i) => rows.with(i, rows[(i + 1) % rows.length]!),
  ];
  const damaged = operations(settled, 2).chain((rows) =>
    fc.tuple(fc.constant(rows), fc.nat({ max: rows.length - 1 }), fc.constantFrom(...damages)),
  );
  fc.assert(
    fc.property(damaged, ([rows, i, damage]) => {
      const found = verdict(damage(rows, i), { expected: rows.length });
      expect(found).toMatchObject({ ...running, determined: false });
      expect(found.blamed.length).toBeGreaterThan(0);
      // Repaired, it ends.
      expect(isSettled(verdict(rows).state)).toBe(true);
    }),
    settings,
  );
});

test('all settled: a failure fails it, whatever its policy; the message is that of the first', () => {
  fc.assert(
    fc.property(operations(settled), (rows) => {
      const found = verdict(rows);
      const present = rows.map(({ state }) => state);
      const worst = (['failed', 'cancelled', 'reverted', 'completed'] as const).find((each) => present.includes(each));
      expect(found).toMatchObject({ state: worst, completedAt: at, determined: true });
      const first = rows.find(({ state }) => state === 'failed');
      if (first) expect(found.error).toContain(`deployment ${first.deployment} failed: `);
      else expect(found.error).toBeNull();
    }),
    settings,
  );
});

test('a state that is settled is terminal, and no state is of two kinds at once', () => {
  for (const state of Object.values(ApplyState)) {
    const facts = applyStateFacts[state];
    if (facts.settled) expect(facts.terminal).toBe(true);
    expect([facts.terminal, facts.running, facts.setup].filter(Boolean).length).toBeLessThan(2);
  }
});

function inPlace(operation: StoredOperation, position: number): StoredOperation {
  return { ...operation, position, id: `op-${position}` };
}

function isHalt({ state, onFailure }: StoredOperation): boolean {
  return state === 'failed' && onFailure !== 'continue' && onFailure !== 'pause';
}
