import { deploymentMoves, isTerminal, type DeploymentState } from '../../domain/deploy/states';
import { movesTo } from '../../domain/rollout/follow';

const under = [
  ...(['submitting', 'in_progress', 'pending_cutover', 'in_progress_cutover'] as const),
  ...(['complete_pending_revert', 'in_progress_cancel', 'in_progress_revert'] as const),
];
const ends = [
  ...(['complete', 'complete_error', 'complete_cancel', 'complete_revert', 'complete_revert_error'] as const),
];

function walk(from: DeploymentState, to: DeploymentState): DeploymentState {
  let state = from;
  for (const name of movesTo(from, to)) {
    const move = deploymentMoves[name];
    expect({ name, state, possible: (move.from as readonly string[]).includes(state) }).toEqual({
      ...{ name, state, possible: true },
    });
    state = move.to;
  }
  return state;
}

test('every way is one that a request can go, and it ends when its apply does', () => {
  for (const from of under) {
    for (const to of [...under, ...ends]) {
      const reached = walk(from, to);
      // Everything live cannot be cancelled any more.
      if (from === 'complete_pending_revert' && to === 'complete_cancel') continue;
      expect({ from, to, ended: isTerminal(reached) }).toEqual({ from, to, ended: isTerminal(to) });
    }
  }
});

test.each<[DeploymentState, DeploymentState, DeploymentState]>([
  ['submitting', 'complete_pending_revert', 'complete_pending_revert'],
  ['in_progress_cutover', 'in_progress', 'in_progress'],
  ['pending_cutover', 'in_progress', 'in_progress'],
  ['in_progress_cutover', 'pending_cutover', 'pending_cutover'],
  ['in_progress_cutover', 'in_progress_cancel', 'in_progress_cancel'],
  ['complete_pending_revert', 'in_progress', 'complete_pending_revert'],
  ['in_progress', 'in_progress_revert', 'in_progress_revert'],
  ['in_progress_revert', 'in_progress', 'complete_pending_revert'],
  ['in_progress_revert', 'in_progress_cancel', 'in_progress_revert'],
  ['in_progress_revert', 'complete_cancel', 'complete_revert'],
  ['in_progress_cancel', 'in_progress', 'in_progress_cancel'],
  ['in_progress_cancel', 'complete_revert_error', 'complete_error'],
  ['complete_error', 'complete_error', 'complete_error'],
])('a request that is %s, of an apply that would have it %s, is %s', (from, to, reached) => {
  expect(walk(from, to)).toBe(reached);
});
