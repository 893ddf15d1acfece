import { decideCopies, decideCutovers, goers, type Claimable, type Rollout } from '../../domain/rollout/claims';
import { gatesOf, type Override } from '../../domain/rollout/gates';
import { defaultRetryBudget, spent } from '../../domain/rollout/retry';
import { ApplyState } from '../../domain/rollout/states';

const idle = { stop: false, start: false, pause: false };

/** Deployments a, b, c, ... in these states; whatever is underway has somebody who works on it. */
function rollout(states: readonly ApplyState[], more: Partial<Rollout> = {}, each: Partial<Claimable> = {}): Rollout {
  const waiting: readonly string[] = ['pending', 'stopped', 'completed', 'failed', 'failed_retryable', 'cancelled'];
  const operations = states.map((state, i): Claimable => {
    const id = String.fromCharCode(97 + i);
    const worker = waiting.includes(state) ? 'none' : 'alive';
    return { id, deployment: id, state, worker, tried: null, onFailure: 'halt', released: false, ...each };
  });
  const one = { operations, cutover: 'barrier', copies: 1, deferred: false, revertTogether: false, requests: idle };
  return { ...one, now: 0, ...more };
}

const copies = (of: Rollout): readonly string[] => goers(decideCopies(of));
const cutovers = (of: Rollout, byHand = false): readonly string[] => goers(decideCutovers(of, byHand));

test('under a barrier copies go side by side up to their limit, in order', () => {
  const all = ['pending', 'pending', 'pending', 'pending'] as const;
  expect(copies(rollout(all, { copies: 3 }))).toEqual(['a', 'b', 'c']);
  expect(copies(rollout(['running', 'checksumming', 'pending', 'pending'], { copies: 3 }))).toEqual(['c']);
  expect(copies(rollout(['waiting_for_cutover', 'running', 'pending', 'pending'], { copies: 3 }))).toEqual(['c', 'd']);
  expect(decideCopies(rollout(all, { copies: 3 })).at(-1)).toEqual({ operation: 'd', waits: '3 copy already' });
});

test.each(['sequential', 'whatever nobody knows'])('%s: one at a time, whatever the limit', (cutover) => {
  const more = { cutover, copies: 3 };
  expect(copies(rollout(['pending', 'pending'], more))).toEqual(['a']);
  for (const state of ['running', 'waiting_for_cutover', 'cutting_over', 'revert_window', 'cancelled'] as const)
    expect(copies(rollout([state, 'pending'], more))).toEqual([]);
  expect(copies(rollout(['completed', 'pending'], more))).toEqual(['b']);
  expect(cutovers(rollout(['waiting_for_cutover', 'pending'], more))).toEqual([]);
});

test('what failed keeps those behind it waiting, and says why, unless its policy or somebody lets them go on', () => {
  const failed = (each: Partial<Claimable>): ReturnType<typeof decideCopies> =>
    decideCopies(rollout(['failed', 'pending'], {}, each));
  expect(failed({ onFailure: 'halt' })).toEqual([{ operation: 'b', waits: 'deployment a has failed' }]);
  expect(failed({ onFailure: 'CONTINUE' })[0]!.waits).toBe('deployment a has failed');
  const paused = 'deployment a has failed, and nobody has released the rollout';
  expect(failed({ onFailure: 'pause' })[0]!.waits).toBe(paused);
  expect(failed({ onFailure: 'pause', released: true })[0]!.waits).toBeNull();
  expect(failed({ onFailure: 'continue' })[0]!.waits).toBeNull();
});

test('a stop or a hold keeps everything that would begin or cut over, a start does not change the order', () => {
  const states = ['waiting_for_cutover', 'pending'] as const;
  for (const request of ['stop', 'pause']) {
    const requests = { ...idle, start: true, [request]: true };
    expect(copies(rollout(states, { requests }))).toEqual([]);
    expect(cutovers(rollout(states, { requests }))).toEqual([]);
  }
  const requests = { ...idle, start: true };
  expect(copies(rollout(['stopped', 'stopped', 'pending'], { requests }))).toEqual(['a']);
  expect(copies(rollout(['running', 'stopped'], { requests }))).toEqual([]);
  expect(copies(rollout(['waiting_for_deploy'], { requests }, { worker: 'none' }))).toEqual(['a']);
  expect(copies(rollout(['waiting_for_deploy'], {}, { worker: 'none' }))).toEqual([]);
});

test('what has nobody any more goes on, whoever is before it and however often it was tried', () => {
  const tried = { attempts: 99, since: -1e12 };
  const lost = { worker: 'lost', tried } as const;
  expect(copies(rollout(['failed_retryable'], {}, lost))).toEqual(['a']);
  expect(copies(rollout(['checksumming', 'running'], {}, lost))).toEqual(['a', 'b']);
  expect(copies(rollout(['cutting_over', 'pending'], {}, lost))).toEqual(['b']);
  expect(cutovers(rollout(['cutting_over', 'waiting_for_cutover'], {}, lost))).toEqual(['a']);
  expect(copies(rollout(['failed_retryable'], {}, { tried }))).toEqual([]);
});

test('cut-overs go strictly in order; kept revertable together, an open window keeps nobody waiting', () => {
  const waiting = ['revert_window', 'waiting_for_cutover', 'waiting_for_cutover'] as const;
  expect(cutovers(rollout(waiting))).toEqual([]);
  expect(decideCutovers(rollout(waiting))[0]!.waits).toBe('deployment a comes first (revert_window)');
  expect(cutovers(rollout(waiting, { revertTogether: true }))).toEqual(['b']);
  expect(cutovers(rollout(['running', 'waiting_for_cutover']))).toEqual([]);
  expect(cutovers(rollout(['completed', 'waiting_for_cutover'], { deferred: true }))).toEqual([]);
  expect(cutovers(rollout(['completed', 'waiting_for_cutover'], { deferred: true }), true)).toEqual(['b']);
  expect(cutovers(rollout(['running', 'waiting_for_cutover'], { deferred: true }), true)).toEqual([]);
});

test('never two cut over at once, and nobody begins twice, whatever the states are', () => {
  for (const one of Object.values(ApplyState))
    for (const other of Object.values(ApplyState)) {
      const more = { copies: 5, revertTogether: true, requests: { ...idle, start: true } };
      const of = rollout([one, other, 'waiting_for_cutover'], more);
      expect(cutovers(of).length).toBeLessThan(2);
      if ([one, other].includes('cutting_over')) expect(cutovers(of)).not.toContain('c');
      expect(copies(of).some((id) => of.operations.find((each) => each.id === id)!.worker === 'alive')).toBe(false);
    }
});

test('what failed is tried ten times, within a day', () => {
  const { attempts, withinMs } = defaultRetryBudget;
  expect([attempts, withinMs]).toEqual([10, 86_400_000]);
  expect(spent({ attempts: 9, since: 0 }, withinMs)).toBeNull();
  expect(spent({ attempts: 10, since: 0 }, 1)).toBe('it was tried 10 times');
  expect(spent({ attempts: 1, since: 0 }, withinMs + 1)).toBe('it failed too long ago');
});

describe('environments', () => {
  const order = ['staging', 'production'];
  const at = (environment: string, state: ApplyState): { environment: string; state: ApplyState } => ({
    environment,
    state,
  });
  const override: Override = { environment: 'production', by: 'ann', reason: 'hotfix', at: new Date(0) };

  test.each<[ApplyState, boolean]>([
    ['completed', true],
    ['revert_window', true],
    ...Object.values(ApplyState)
      .filter((state) => state !== 'completed' && state !== 'revert_window')
      .map((state): [ApplyState, boolean] => [state, false]),
  ])('staging that is %s: production may follow: %s', (state, open) => {
    const gates = gatesOf(order, [at('staging', 'completed'), at('staging', state), at('production', 'pending')]);
    expect(gates.get('staging')!.open).toBe(true);
    expect(gates.get('production')!.open).toBe(open);
  });

  test('it fails closed: nothing known of what comes first, or an environment in no order', () => {
    const gates = gatesOf(order, [at('production', 'pending'), at('lab', 'pending')]);
    expect(gates.get('production')).toMatchObject({ open: false, reason: expect.stringContaining('nothing is known') });
    expect(gates.get('lab')).toMatchObject({ open: false, reason: expect.stringContaining('in no order') });
    expect(gatesOf([], [at('lab', 'pending')]).get('lab')!.open).toBe(true);
  });

  test('somebody may open it, which is kept; a closed one keeps its operations waiting with its reason', () => {
    const operations = [at('staging', 'failed'), at('production', 'pending')];
    const closed = gatesOf(order, operations).get('production')!;
    expect(decideCopies(rollout(['pending'], {}, { gate: closed }))[0]!.waits).toBe(closed.reason);
    const open = gatesOf(order, operations, [override]).get('production')!;
    expect(open).toEqual({ open: true, reason: 'ann opened it: hotfix', override });
    expect(copies(rollout(['pending'], {}, { gate: open }))).toEqual(['a']);
  });
});
