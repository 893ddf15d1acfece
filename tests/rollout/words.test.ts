import { allowedApplyActions, refusalOf } from '../../domain/rollout/actions';
import { deploymentMoves, type DeploymentMoveName } from '../../domain/deploy/states';
import { canMove, operationMoves } from '../../domain/rollout/moves';
import { applyNowOf } from '../../domain/rollout/now';
import { ApplyState, isSettled } from '../../domain/rollout/states';
import { operationMovesOf, OwnMove, wordOf } from '../../domain/rollout/words';

const states = Object.values(ApplyState);
const moves = [...Object.keys(deploymentMoves), ...Object.values(OwnMove)] as (DeploymentMoveName | OwnMove)[];

test('whatever a deploy does, its operation makes moves that it can make', () => {
  let made = 0;
  for (const state of states)
    for (const move of moves) {
      let at: ApplyState = state;
      for (const each of operationMovesOf(move, state) ?? []) {
        expect([state, move, each, canMove(at, each)]).toEqual([state, move, each, true]);
        at = operationMoves[each].to;
        made++;
      }
    }
  expect(made).toBeGreaterThan(100);
});

test('nothing leads out of what has ended', () => {
  for (const state of states.filter(isSettled))
    for (const move of moves) expect(operationMovesOf(move, state) ?? []).toEqual([]);
});

test('a move that was made is not made again', () => {
  for (const state of states)
    for (const move of moves) {
      const last = (operationMovesOf(move, state) ?? []).at(-1);
      if (last) expect(operationMovesOf(move, operationMoves[last].to)).toEqual([]);
    }
});

test('an operation that goes a deploy’s way has the words of a deploy', () => {
  const way = ['begin', 'gate', 'cutOver', 'holdUp', 'cutOver', 'open', 'revert', 'holdUpRevert', 'finish'] as const;
  let state: ApplyState = 'pending';
  for (const move of way) {
    for (const each of operationMovesOf(move, state)!) state = operationMoves[each].to;
    expect([move, wordOf(state)]).toEqual([move, deploymentMoves[move].to]);
  }
});

test('what can be done with an apply follows from where its operations are', () => {
  const nothing = { stop: null, pause: null, cutOver: null, cancel: null, revert: null, skipRevert: null } as const;
  const asked = { ...nothing, acceptLosses: false };
  const now = (state: ApplyState, operations: readonly ApplyState[], more = {}) =>
    applyNowOf(
      { state, determined: true, asked: { ...asked, ...more } },
      operations.map((each) => ({ state: each })),
    );
  expect(allowedApplyActions(now('completed', ['completed']))).toEqual([]);
  expect(allowedApplyActions(now('running', ['running', 'pending']))).toEqual([
    ...['stop', 'pause', 'apply-deploy', 'cancel', 'override'],
  ]);
  expect(allowedApplyActions(now('revert_window', ['revert_window', 'completed']))).toEqual(['revert', 'skip-revert']);
  expect(allowedApplyActions(now('stopped', ['stopped'], { stop: 'ann' }))).toContain('start');
  expect(allowedApplyActions(now('paused', ['failed', 'pending']))).toContain('release');
  expect(refusalOf('revert', now('running', ['running']))).toMatchObject({
    ...{ code: 'STATE_CONFLICT', message: 'cannot revert: no deployment can be reverted' },
    data: { state: 'running', allowed: ['stop', 'pause', 'apply-deploy', 'cancel', 'override'] },
  });
});
