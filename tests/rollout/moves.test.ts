import fc from 'fast-check';
import { deploymentStateOf } from '../../domain/rollout/deployment-state';
import { canMove, operationMoves, type OperationMoveName } from '../../domain/rollout/moves';
import { rolloutState } from '../../domain/rollout/projection';
import { ApplyState, isSettled } from '../../domain/rollout/states';
import { isTerminal as hasEnded } from '../../domain/deploy/states';
import { seed } from '../support/random';
import { operations } from './support/arbitrary';

const moves = Object.keys(operationMoves) as OperationMoveName[];

test('no move leads out of a settled state, and every other state can fail', () => {
  for (const state of Object.values(ApplyState)) {
    expect(moves.some((move) => canMove(state, move))).toBe(!isSettled(state));
    expect(canMove(state, 'fail')).toBe(!isSettled(state));
  }
});

test('from every state that an operation can be in, its end can be reached', () => {
  const next = (state: ApplyState): ApplyState[] =>
    moves.filter((move) => canMove(state, move) && move !== 'fail').map((move) => operationMoves[move].to);
  const reached = new Set<ApplyState>(['pending']);
  for (const state of reached) for (const to of next(state)) reached.add(to);
  const ends = new Set<ApplyState>([...reached].filter((state) => isSettled(state)));
  expect([...ends].sort()).toEqual(['cancelled', 'completed', 'reverted']);
  for (let size = 0; size !== ends.size;) {
    size = ends.size;
    for (const state of reached) if (next(state).some((to) => ends.has(to))) ends.add(state);
  }
  expect([...reached].filter((state) => !ends.has(state))).toEqual([]);
});

test('what is live is neither stopped nor cancelled: it is reverted', () => {
  for (const state of ['cutting_over', 'recovering', 'revert_window', 'skipping_revert', 'reverting'] as const)
    expect([canMove(state, 'stop'), canMove(state, 'cancel')]).toEqual([false, false]);
});

describe('what a deploy request says of its apply', () => {
  const asked = { cancel: false, revert: false };

  test('it has ended when its apply has settled, and never before', () => {
    const wishes = fc.record({ cancel: fc.boolean(), revert: fc.boolean() });
    fc.assert(
      fc.property(operations(), wishes, (all, wish) => {
        const apply = rolloutState(all.map((each) => ({ ...each, started: each.startedAt !== null })));
        const said = deploymentStateOf(
          apply,
          all.map(({ state }) => state),
          wish,
        );
        expect(hasEnded(said)).toBe(isSettled(apply));
      }),
      { seed, numRuns: 500 },
    );
  });

  test.each<[ApplyState, ApplyState[], string]>([
    ['revert_window', ['revert_window', 'running'], 'in_progress'],
    ['revert_window', ['revert_window', 'completed'], 'complete_pending_revert'],
    ['pending', ['pending', 'pending'], 'submitting'],
    ['pending', ['completed', 'pending'], 'in_progress'],
    ['waiting_for_cutover', ['completed', 'waiting_for_cutover'], 'pending_cutover'],
    ['running_degraded', ['failed', 'running'], 'in_progress'],
    ['stopped', ['stopped', 'completed'], 'in_progress'],
    ['reverting', ['revert_window', 'reverting'], 'in_progress_revert'],
    ['reverting', ['revert_window', 'reverted'], 'complete_pending_revert'],
  ])('%s with %p is %s', (apply, states, expected) => {
    expect(deploymentStateOf(apply, states, asked)).toBe(expected);
  });

  test('whoever cancels or reverts hears of it until it is done, and how it ended', () => {
    expect(deploymentStateOf('running', ['running'], { ...asked, cancel: true })).toBe('in_progress_cancel');
    expect(deploymentStateOf('revert_window', ['revert_window'], { ...asked, revert: true })).toBe(
      'in_progress_revert',
    );
    expect(deploymentStateOf('failed', ['failed', 'reverted'], { ...asked, revert: true })).toBe(
      'complete_revert_error',
    );
    expect(deploymentStateOf('cancelled', ['cancelled'], { ...asked, cancel: true })).toBe('complete_cancel');
  });
});
