import {
  activeReplicaStates,
  allowed,
  gatewayMoves,
  GatewayState,
  isLive,
  replicaMoves,
  ReplicaState,
  terminalReplicaStates,
  type Move,
} from '../../domain/fleet/lifecycle';

function reachable<S extends string>(moves: Readonly<Record<string, Move<S>>>, first: S): Set<S> {
  const found = new Set([first]);
  for (const state of found) for (const { from, to } of Object.values(moves)) if (from.includes(state)) found.add(to);
  return found;
}

test('every state is reached from SUBMITTED', () => {
  expect(reachable<GatewayState>(gatewayMoves, 'submitted')).toEqual(new Set(Object.values(GatewayState)));
  expect(reachable<ReplicaState>(replicaMoves, 'submitted')).toEqual(new Set(Object.values(ReplicaState)));
});

test('the terminal states are those that no move leaves, and every other leads there', () => {
  const states = Object.values(ReplicaState);
  expect(states.filter((state) => allowed(replicaMoves, state).length === 0)).toEqual(terminalReplicaStates);
  for (const state of states) expect(reachable<ReplicaState>(replicaMoves, state)).toContain('terminated');
});

test('what serves or is going to may be retired at any time', () => {
  expect(activeReplicaStates).toEqual(replicaMoves.retire.from);
  expect(Object.values(ReplicaState).filter((state) => isLive({ state }))).toEqual([
    ...activeReplicaStates,
    'terminating',
  ]);
});

test('an API tells what a state allows', () => {
  expect(allowed(replicaMoves, 'submitted')).toEqual(['provision', 'retire', 'drop']);
  expect(allowed(replicaMoves, 'running')).toEqual(['retire']);
  expect(allowed(gatewayMoves, 'failed')).toEqual([]);
});
