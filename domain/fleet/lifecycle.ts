/** The state of a gateway as people see it; a mark for deletion is beside it. */
export const GatewayState = {
  /** Asked for; it has no replicas yet. */
  submitted: 'submitted',
  provisioning: 'provisioning',
  running: 'running',
  /** It could not be made; it waits to be deleted. */
  failed: 'failed',
} as const;
export type GatewayState = (typeof GatewayState)[keyof typeof GatewayState];

/** The state of a replica: one machine of a gateway, or the wish for one. */
export const ReplicaState = {
  /** Wished for; its backend has not given a machine yet. */
  submitted: 'submitted',
  /** It has a machine, which is reached, configured and checked. */
  provisioning: 'provisioning',
  /** It is in the pool, or about to leave it because it was told to go. */
  running: 'running',
  /** It goes: nobody is given it any more, and its machine is destroyed. */
  terminating: 'terminating',
  /** Its machine is proven gone, or never was. */
  terminated: 'terminated',
} as const;
export type ReplicaState = (typeof ReplicaState)[keyof typeof ReplicaState];

/** A change of a state: where it may begin, where it ends, and what makes it. */
export interface Move<S extends string> {
  readonly from: readonly S[];
  readonly to: S;
  readonly when: string;
}

/** Every change of a gateway's state. Deletion is a mark, allowed in every state; at its end the row is deleted. */
export const gatewayMoves = {
  refuse: { from: ['submitted'], to: 'failed', when: 'its backend cannot have it' },
  provision: { from: ['submitted'], to: 'provisioning', when: 'its replicas are asked for' },
  run: { from: ['provisioning'], to: 'running', when: 'every replica that is to stay runs' },
  fail: { from: ['provisioning'], to: 'failed', when: 'a replica that was to stay goes' },
} as const satisfies Record<string, Move<GatewayState>>;
export type GatewayMove = keyof typeof gatewayMoves;

/** Every change of a replica's state. */
export const replicaMoves = {
  provision: { from: ['submitted'], to: 'provisioning', when: 'its backend gives it a machine' },
  join: { from: ['provisioning'], to: 'running', when: 'it is healthy and joins the pool' },
  retire: {
    from: ['submitted', 'provisioning', 'running'],
    to: 'terminating',
    when: 'it fails, or is told to go',
  },
  drop: { from: ['submitted'], to: 'terminated', when: 'it is given up, and certainly has no machine' },
  end: { from: ['terminating'], to: 'terminated', when: 'its machine is proven gone' },
} as const satisfies Record<string, Move<ReplicaState>>;
export type ReplicaMove = keyof typeof replicaMoves;

/** The state a replica never leaves. */
export const terminalReplicaStates: readonly ReplicaState[] = [ReplicaState.terminated];

/** The states in which a replica serves its gateway or is going to, unless it was told to go. */
export const activeReplicaStates: readonly ReplicaState[] = [
  ReplicaState.submitted,
  ReplicaState.provisioning,
  ReplicaState.running,
];

/** Whether a replica may still have a machine, and so keeps its number and holds up its gateway's deletion. */
export function isLive({ state }: { readonly state: ReplicaState }): boolean {
  return !terminalReplicaStates.includes(state);
}

/** The moves that a state allows, by name, as an API tells them. */
export function allowed<M extends string, S extends string>(moves: Readonly<Record<M, Move<S>>>, state: S): M[] {
  return (Object.keys(moves) as M[]).filter((name) => moves[name].from.includes(state));
}

/** Whether a move may begin in a state. */
export function mayBegin<S extends string>(move: Move<S>, state: S): boolean {
  return move.from.includes(state);
}
