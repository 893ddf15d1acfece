import fc from 'fast-check';
import { ApplyAction } from '../../domain/rollout/actions';
import { policyOf } from '../../domain/rollout/policy';
import { isSettled, type ApplyState } from '../../domain/rollout/states';
import { seed } from '../support/random';
import { isSwapping, Simulation, type Making } from './support/simulation';

const making: fc.Arbitrary<Making> = fc.record({
  size: fc.integer({ min: 1, max: 5 }),
  cutover: fc.constantFrom('sequential', 'barrier'),
  copies: fc.integer({ min: 1, max: 3 }),
  onFailure: fc.constantFrom('halt', 'continue', 'pause'),
  revertTogether: fc.boolean(),
  deferred: fc.boolean(),
});

type Event =
  | { readonly is: 'work'; readonly position: number; readonly fate: Parameters<Simulation['work']>[1] }
  | { readonly is: 'say'; readonly action: ApplyAction }
  | { readonly is: 'wait'; readonly ms: number }
  | { readonly is: 'break' | 'repair'; readonly position: number }
  | { readonly is: 'decide'; readonly deaf: number };

const position = fc.nat({ max: 4 });
const work = fc.record({
  is: fc.constant('work' as const),
  position,
  fate: fc.oneof(
    { weight: 12, arbitrary: fc.constant('well' as const) },
    { weight: 3, arbitrary: fc.constantFrom('later', 'badly', 'held up', 'dies') },
  ),
});
const say = fc.record({ is: fc.constant('say' as const), action: fc.constantFrom(...Object.values(ApplyAction)) });
const rowEvent = fc.record({ is: fc.constantFrom('break', 'repair'), position });
const wait = fc.record({ is: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 20_000, 5_000_000) });
const decide = fc.record({ is: fc.constant('decide' as const), deaf: fc.nat({ max: 8 }) });
const history: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: work },
    { weight: 10, arbitrary: decide },
    { weight: 2, arbitrary: say },
    { weight: 2, arbitrary: wait },
    { weight: 1, arbitrary: rowEvent },
  ) as fc.Arbitrary<Event>,
  { maxLength: 150, size: 'max' },
);

/** There are very many of these: jest's own take most of the time. */
function must(isTrue: boolean, rule: string): void {
  if (!isTrue) throw new Error(`broken: ${rule}`);
}

const live: readonly ApplyState[] = ['revert_window', 'skipping_revert', 'completed', 'reverting', 'reverted'];

/** A rollout whose every decision and move is checked. */
function watched(made: Making): Simulation {
  const simulation = new Simulation(made);
  const { rows } = simulation;
  const isBefore = (one: { position: number }, other: { position: number }): boolean => one.position < other.position;
  simulation.onDecision = (next) => {
    const isWhole = simulation.broken.size === 0;
    const told = next.tell.map(({ id }) => id);
    must(new Set(told).size === told.length, 'nobody is told two things');
    const named = next.moves.map(({ operationId }) => operationId);
    must(new Set(named).size === named.length, 'nobody makes two moves');
    for (const id of next.claim) {
      const row = rows.find((each) => each.id === id)!;
      const isTakenBack = next.want[id] === 'cancel';
      const begins = ['pending', 'failed_retryable', 'stopped', 'waiting_for_deploy'].includes(row.state);
      if (!begins || isTakenBack) continue;
      const { stop, cancel, revert, pause } = simulation.apply.asked;
      must(isWhole, 'nothing begins while a row cannot be read');
      must(stop === null && cancel === null && revert === null && pause === null, 'nothing begins while it is held');
      const isHalted = rows.some(
        (each) => each.state === 'failed' && policyOf(each) !== 'continue' && isBefore(each, row),
      );
      must(!isHalted, 'nothing begins behind a failure that halts');
    }
    const after = new Map(next.operations.map((each) => [each.id, each.state]));
    for (const [id, wanted] of Object.entries(next.want)) {
      const row = rows.find((each) => each.id === id)!;
      if (row.wanted === wanted) continue;
      if (wanted === 'cut_over' || wanted === 'revert') must(isWhole, `no ${wanted} while a row cannot be read`);
      const before = rows.filter((other) => isBefore(other, row));
      if (wanted === 'cut_over')
        must(
          before.every((each) => {
            const state = after.get(each.id)!;
            return live.includes(state) || (state === 'failed' && policyOf(each) === 'continue');
          }),
          'cut-overs are in order',
        );
      if (wanted === 'revert')
        must(
          rows.filter((other) => isBefore(row, other)).every((each) => isSettled(after.get(each.id)!)),
          'reverts are in reverse order',
        );
    }
  };
  simulation.onMove = () => {
    must(rows.filter(({ state }) => state === 'reverting').length <= 1, 'one is reverted at a time');
    must(rows.filter(({ state }) => isSwapping(state)).length <= 1, 'one cuts over at a time');
  };
  return simulation;
}

function happen(simulation: Simulation, events: readonly Event[]): void {
  for (const event of events) {
    if (event.is === 'work' && event.position < simulation.rows.length) simulation.work(event.position, event.fate);
    if (event.is === 'say') simulation.say(event.action);
    if (event.is === 'wait') simulation.wait(event.ms);
    if (event.is === 'break' && event.position < simulation.rows.length && !simulation.isSettled)
      simulation.broken.add(event.position);
    if (event.is === 'repair') simulation.broken.delete(event.position);
    if (event.is === 'break' || event.is === 'repair') simulation.judge();
    if (event.is === 'decide') simulation.decide((id) => id !== `op-${event.deaf}`);
    mustBeHonest(simulation);
  }
}

/** What has ended has nobody any more who may write. */
function mustBeHonest({ isSettled: isOver, rows, broken }: Simulation): void {
  if (!isOver) return;
  must(broken.size === 0, 'nothing ends while a row cannot be read');
  for (const { state, startedAt } of rows)
    must(
      isSettled(state) || state === 'pending' || (state === 'stopped' && startedAt === null),
      'nothing ends while somebody writes',
    );
}

/** Everything goes well from now on, and whatever is due comes. @returns whether nothing happens any more */
function calm(simulation: Simulation): boolean {
  simulation.broken.clear();
  simulation.judge();
  for (let round = 0; round < 400; round++) {
    const before = JSON.stringify([simulation.rows, simulation.apply]);
    const { wakesAt } = simulation.decide();
    mustBeHonest(simulation);
    for (const { position: each } of simulation.rows) simulation.work(each, 'well');
    mustBeHonest(simulation);
    if (JSON.stringify([simulation.rows, simulation.apply]) !== before) continue;
    if (simulation.isSettled || wakesAt === null) return true;
    simulation.now = Math.max(simulation.now, wakesAt);
  }
  return false;
}

test('whatever fails, dies, is said or cannot be read, no rule is broken, and it ends or waits for a named reason', () => {
  let ended = 0;
  fc.assert(
    fc.property(making, history, (made, events) => {
      const simulation = watched(made);
      happen(simulation, events);
      expect(calm(simulation)).toBe(true);
      if (simulation.isSettled) {
        ended++;
        return;
      }
      const { asked, state } = simulation.apply;
      const open = simulation.rows.filter((row) => !isSettled(row.state));
      // Somebody holds it: a stop, a pause, a failure that waits for a release, or nobody says that it cuts over.
      const isHeld = asked.stop !== null || asked.pause !== null || state === 'paused';
      const isDeferred = made.deferred && asked.cutOver === null;
      expect([isHeld || isDeferred, open.some(({ waits }) => waits !== null)]).toEqual([true, true]);
    }),
    { seed, numRuns: 400 },
  );
  // It does happen.
  expect(ended).toBeGreaterThan(100);
});

test('a rollout that nobody disturbs goes live in order, and is reverted from the last to the first', () => {
  fc.assert(
    fc.property(making, (made) => {
      const simulation = watched({ ...made, deferred: false, revertTogether: true });
      const order: string[] = [];
      simulation.onMove = ({ id }, move) => {
        if (move === 'open' || move === 'reverted') order.push(`${move} ${id}`);
      };
      for (let round = 0; round < 200 && order.length < made.size; round++) {
        simulation.decide();
        for (const row of simulation.rows) simulation.work(row.position, 'well');
      }
      simulation.say('revert');
      expect(calm(simulation)).toBe(true);
      const ids = simulation.rows.map(({ id }) => id);
      expect(order).toEqual([...ids.map((id) => `open ${id}`), ...ids.toReversed().map((id) => `reverted ${id}`)]);
      expect(simulation.apply.state).toBe('reverted');
    }),
    { seed, numRuns: 50 },
  );
});

test('what keeps failing is tried ten times, and fails then', () => {
  const simulation = watched({
    ...{ size: 2, cutover: 'sequential', copies: 1, onFailure: 'halt', revertTogether: true, deferred: false },
  });
  for (let round = 0; round < 200 && !simulation.isSettled; round++) {
    const { wakesAt } = simulation.decide();
    if (wakesAt !== null) simulation.now = wakesAt;
    for (const { position: each } of simulation.rows) {
      simulation.work(each, simulation.rows[each]!.state === 'catching_up' ? 'later' : 'well');
    }
  }
  const [first, second] = simulation.rows;
  expect([first!.state, first!.attempts, second!.state]).toEqual(['failed', 10, 'pending']);
  expect(simulation.apply.error).toBe('deployment region-0 failed: the disk is full (it was tried 10 times)');
});

test('what was begun behind a failure that halts is taken back, and the rest never begins', () => {
  const simulation = watched({
    ...{ size: 4, cutover: 'barrier', copies: 3, onFailure: 'halt', revertTogether: true, deferred: false },
  });
  simulation.decide();
  for (const each of [0, 1, 2]) simulation.work(each, 'well');
  simulation.work(1, 'badly');
  expect(calm(simulation)).toBe(true);
  const states = simulation.rows.map(({ state }) => state);
  expect([states, simulation.apply.state]).toEqual([['completed', 'failed', 'cancelled', 'pending'], 'failed']);
});

test('a stop lets everything rest that is not live, and a start has it go on from there', () => {
  const simulation = watched({
    ...{ size: 3, cutover: 'barrier', copies: 2, onFailure: 'halt', revertTogether: true, deferred: false },
  });
  simulation.decide();
  for (const each of [0, 1]) simulation.work(each, 'well');
  simulation.say('stop');
  simulation.decide();
  for (const each of [0, 1]) simulation.work(each, 'well');
  expect(simulation.rows.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  expect([simulation.apply.state, simulation.isSettled]).toEqual(['stopped', false]);
  simulation.say('start');
  simulation.decide();
  expect(simulation.rows.map(({ state }) => state)).toEqual(['resuming', 'resuming', 'stopped']);
  expect(calm(simulation)).toBe(true);
  expect(simulation.apply.state).toBe('completed');
});

test('a row that cannot be read holds what has not begun, and is named', () => {
  const simulation = watched({
    ...{ size: 2, cutover: 'sequential', copies: 1, onFailure: 'continue', revertTogether: true, deferred: false },
  });
  simulation.broken.add(1);
  simulation.judge();
  const next = simulation.decide();
  expect([next.claim, next.blamed]).toEqual([
    [],
    [{ operation: 'op-1', reason: 'its state is not one that is known' }],
  ]);
  expect(next.waits).toEqual({ 'op-0': 'not every deployment can be read: its state is not one that is known' });
  expect(calm(simulation)).toBe(true);
  expect(simulation.apply.state).toBe('completed');
});
