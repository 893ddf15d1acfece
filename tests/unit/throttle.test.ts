import fc from 'fast-check';
import { KeepingUp } from '../../domain/schema/keeping-up';
import { MAX_THROTTLE } from '../../domain/schema/pace';
import { ProbeWrites } from '../../domain/schema/probe-writes';
import { Throttle, type ServerLoad, type ThrottleLimits } from '../../domain/schema/throttle';

const calm: ServerLoad = { replicaLagSeconds: 0, threadsRunning: 1, logLength: 0, writeP99Ms: 1 };
const limits: ThrottleLimits = {
  replicaLagSeconds: 2,
  threadsRunning: 20,
  logLength: 10_000,
  behindSeconds: 60,
  writeP99Ms: 40,
};

/** A throttle that saw the same load for some steps of half a second. */
function after(steps: number, load: Partial<ServerLoad>, of: Partial<ThrottleLimits> = limits): Throttle {
  const throttle = new Throttle(of);
  for (let step = 0; step < steps; step++) throttle.note({ ...calm, ...load }, step * 500);
  return throttle;
}

test.each<[string, Partial<ServerLoad>]>([
  ['replica lag 3.1 s', { replicaLagSeconds: 3.1 }],
  ['threads running 80', { threadsRunning: 80 }],
  ['log grows', { logLength: 20_000 }],
  ['writes slow', { writeP99Ms: 90 }],
])('it is slowed by %s, soon by all that is allowed, and recovers', (reason, load) => {
  const throttle = after(1, load);
  expect(throttle.copying(0)).toMatchObject({ throttledBy: reason });
  expect(throttle.copying(0).ratio).toBeGreaterThan(0.3);
  for (let step = 1; step < 10; step++) throttle.note({ ...calm, ...load }, step * 500);
  expect(throttle.copying(0).ratio).toBeCloseTo(MAX_THROTTLE);
  throttle.note(calm, 5_000);
  expect(throttle.copying(0)).toMatchObject({ throttledBy: reason });
  expect(throttle.copying(0).ratio).toBeGreaterThan(0.9);
  for (let step = 11; step < 80; step++) throttle.note(calm, step * 500);
  expect(throttle.copying(0)).toEqual({ ratio: 0, throttledBy: null });
});

test('what is asked for counts where it is more, and what nobody can tell counts for nothing', () => {
  const unknown: ServerLoad = { replicaLagSeconds: null, threadsRunning: null, logLength: 0, writeP99Ms: null };
  const throttle = after(5, unknown);
  expect(throttle.copying(0)).toEqual({ ratio: 0, throttledBy: null });
  expect(throttle.copying(0.5)).toEqual({ ratio: 0.5, throttledBy: 'asked' });
  expect(throttle.copying(7)).toEqual({ ratio: MAX_THROTTLE, throttledBy: 'asked' });
  expect(after(1, { threadsRunning: 24 }).copying(0.9)).toEqual({ ratio: 0.9, throttledBy: 'asked' });
  expect(after(2, { threadsRunning: 24 }).copying(0.1)).toMatchObject({ throttledBy: 'threads running 24' });
});

test('a log that fills up slows the copy and lets those who follow it go on', () => {
  const full = after(10, { logLength: 10_500 });
  expect(full.following(0.95)).toEqual({ ratio: 0, throttledBy: null });
  expect(full.copying(0).throttledBy).toBe('log grows');
  expect(after(10, { logLength: 5_000 }).following(0.8)).toEqual({ ratio: 0.4, throttledBy: 'asked' });
  expect(after(10, { writeP99Ms: 100 }).following(0)).toMatchObject({ throttledBy: 'writes slow' });
  const growing = new Throttle(limits);
  growing.note({ ...calm, logLength: 1_000 }, 0);
  expect(growing.copying(0).ratio).toBe(0);
  growing.note({ ...calm, logLength: 3_000 }, 500);
  expect(growing.copying(0)).toMatchObject({ throttledBy: 'log grows' });
});

const loads = fc.record({
  replicaLagSeconds: fc.option(fc.double({ min: 0, max: 1_000, noNaN: true })),
  threadsRunning: fc.option(fc.nat(1_000)),
  logLength: fc.nat(10_000_000),
  writeP99Ms: fc.option(fc.double({ min: 0, max: 10_000, noNaN: true })),
});

test('whatever it sees it stays between nothing and all, says why, and more load never makes it faster', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(loads, fc.integer({ min: 1, max: 5_000 })), { maxLength: 40 }),
      fc.double({ min: 0, max: 0.95, noNaN: true }),
      fc.double({ min: 1, max: 10, noNaN: true }),
      (seen, asked, more) => {
        const [throttle, heavier] = [new Throttle(limits), new Throttle(limits)];
        let atMs = 0;
        for (const [load, tookMs] of seen) {
          atMs += tookMs;
          throttle.note(load, atMs);
          const times = (value: number | null): number | null => (value === null ? null : value * more);
          heavier.note(
            {
              replicaLagSeconds: times(load.replicaLagSeconds),
              threadsRunning: times(load.threadsRunning),
              logLength: load.logLength * more,
              writeP99Ms: times(load.writeP99Ms),
            },
            atMs,
          );
          for (const { ratio, throttledBy } of [throttle.copying(asked), throttle.following(asked)]) {
            expect(ratio).toBeGreaterThanOrEqual(0);
            expect(ratio).toBeLessThanOrEqual(MAX_THROTTLE + 1e-9);
            expect(throttledBy === null).toBe(ratio === 0);
          }
          expect(throttle.copying(asked).ratio).toBeGreaterThanOrEqual(asked);
          expect(heavier.copying(asked).ratio).toBeGreaterThanOrEqual(throttle.copying(asked).ratio - 0.01);
        }
      },
    ),
  );
});

test('a server whose load follows the speed, seen late, is settled on and not swung around', () => {
  fc.assert(
    fc.property(fc.double({ min: 1.2, max: 15, noNaN: true }), fc.integer({ min: 0, max: 2 }), (strength, late) => {
      const throttle = new Throttle(limits);
      const loadAt: number[] = [];
      const ratios: number[] = [];
      for (let step = 0; step < 300; step++) {
        loadAt.push(limits.writeP99Ms * strength * (1 - throttle.copying(0).ratio));
        throttle.note({ ...calm, writeP99Ms: loadAt[Math.max(step - late, 0)]! }, step * 500);
        ratios.push(throttle.copying(0).ratio);
      }
      const settled = ratios.slice(150);
      expect(new Set(settled.map((ratio) => ratio.toFixed(6))).size).toBe(1);
      expect(loadAt.at(-1)!).toBeLessThanOrEqual(limits.writeP99Ms * 1.001);
      expect(loadAt.at(-1)!).toBeGreaterThanOrEqual(limits.writeP99Ms * 0.75);
    }),
  );
});

test('of a hundred measured writes the longest does not count, and old ones do not either', () => {
  const writes = new ProbeWrites();
  for (let i = 0; i < 4; i++) writes.note(i, 5);
  expect(writes.p99Ms).toBeNull();
  writes.note(4, 900);
  expect(writes.p99Ms).toBe(5);
  writes.note(5, 800);
  expect(writes.p99Ms).toBe(800);
  for (let i = 0; i < 5; i++) writes.note(3_500 + i, 7);
  expect(writes.p99Ms).toBe(7);
});

test('a log that is too long and does not become shorter is told, and one that does is not', () => {
  const patience = { logLength: 1_000, patienceMs: 10_000 };
  const hopeless = new KeepingUp('c1', patience);
  for (let s = 0; s < 10; s++) hopeless.note(5_000 + (s % 3) * 100, s * 1_000);
  expect(() => hopeless.note(4_900, 10_000)).toThrow(
    expect.objectContaining({ code: 'CHANGE_BEHIND', data: { changeId: 'c1', logLength: 4_900 } }) as Error,
  );
  const busy = new KeepingUp('c2', patience);
  for (let s = 0; s < 100; s++) busy.note(1_000 + (100 - s) ** 2, s * 1_000);
  const bursts = new KeepingUp('c3', patience);
  for (let s = 0; s < 100; s++) bursts.note(s % 9 === 0 ? 900 : 50_000, s * 1_000);
});
