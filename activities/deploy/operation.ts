import type { RequestRef } from '../../domain/deploy/contract';
import type { DeployRequest } from '../../domain/deploy/request';
import { Failure, isFailureCode } from '../../domain/failures';
import { isBeforeLive } from '../../domain/rollout/actions';
import type { ApplyOperation, Wanted } from '../../domain/rollout/apply';
import type { OperationRef } from '../../domain/rollout/contract';
import type { OperationNotes } from '../../domain/rollout/decided';
import { canMove, type OperationMoveName } from '../../domain/rollout/moves';
import type { ApplyState } from '../../domain/rollout/states';
import { operationMovesOf, wordOf } from '../../domain/rollout/words';
import type { OperationKey } from '../../prisma/apply-store';
import type { Moving } from './activities';
import type { DeployPorts } from './ports';

/** A ref that is about the share of one deployment. */
export type OwnRef = RequestRef & { readonly operation: OperationRef };

/** Whether a ref is about the share of one deployment. */
export function isOwn(ref: RequestRef): ref is OwnRef {
  return ref.operation !== undefined;
}

/** What a plan, and how far its tables are, is kept under: each operation has its own. */
export function planKey({ operation, requestId }: Pick<RequestRef, 'operation' | 'requestId'>): string {
  return operation?.id ?? requestId;
}

export function keyOf({ organizationId, operation: { id, epoch } }: OwnRef): OperationKey {
  return { organizationId, operationId: id, epoch };
}

/** @throws Failure NOT_FOUND; STATE_CONFLICT (data: state, epoch) once a later workflow has it; CONFLICT, retryable, for a row that cannot be read */
export async function ownOperation({ rollouts }: DeployPorts, ref: OwnRef): Promise<ApplyOperation> {
  return inItsEpoch(await rollouts.applies.operation(ref.organizationId, ref.operation.id), ref);
}

/** An operation, unless another workflow than the ref's has it. @throws Failure STATE_CONFLICT (data: state, epoch) */
export function inItsEpoch(operation: ApplyOperation, ref: OwnRef): ApplyOperation {
  const { state, epoch } = operation;
  if (epoch === ref.operation.epoch) return operation;
  const message = `another workflow has gone on with the operation (epoch ${epoch})`;
  throw new Failure('STATE_CONFLICT', message, { data: { state, epoch } });
}

/** A request as one of its operations sees it. */
export interface Seen extends DeployRequest {
  readonly operation: Pick<ApplyOperation, 'state' | 'wanted' | 'epoch'>;
}

/** A request as one of its operations sees it. */
export interface Seen extends DeployRequest {
  readonly operation: Pick<ApplyOperation, 'state' | 'wanted' | 'epoch'>;
}

/** Whether an operation was told something with which its two sides need not be kept alike any more. */
export function isToldToRest(request: DeployRequest | Seen): boolean {
  return 'wanted' in request && (request.wanted === 'skip_revert' || request.wanted === 'stop');
}

/** Whether a request is seen by one of its operations. */
export function isSeen(request: DeployRequest): request is Seen {
  return 'operation' in request;
}

/** A request as the deploy of one of its operations sees it: what people set is the request's, how far it is, its own. */
export function seenBy(request: DeployRequest, operation: ApplyOperation): Seen {
  const { state, wanted, epoch, error, errorCode } = operation;
  // What becomes of a swap that was cut off is found out first.
  const isSwapping = state === 'cutting_over' || state === 'recovering';
  const isCancelled = wanted === 'cancel' && isBeforeLive(state) && !isSwapping;
  return {
    ...request,
    operation: { state, wanted, epoch },
    deployment: {
      ...request.deployment,
      state: isCancelled ? 'in_progress_cancel' : wordOf(state),
      error: error === null ? null : { code: isFailureCode(errorCode) ? errorCode : 'INTERNAL', message: error },
      revertWindowEndsAt: null,
    },
  };
}

/** The states in which something may have to be prepared, or prepared to its end. */
const unprepared: readonly ApplyState[] = [
  ...(['pending', 'waiting_for_deploy', 'stopped', 'failed_retryable', 'resuming'] as const),
  ...(['running', 'catching_up', 'checksumming', 'post_checksum'] as const),
];

/** What an operation was in the middle of was wanted of it. */
const implied: Partial<Record<ApplyState, Wanted>> = {
  cutting_over: 'cut_over',
  recovering: 'cut_over',
  reverting: 'revert',
  skipping_revert: 'skip_revert',
};

/**
 * Notes that the workflow of an operation is there. @returns the operation as it goes on from there
 * @throws Failure STATE_CONFLICT where it was there before, and is over
 */
export async function arrive(
  { rollouts }: DeployPorts,
  ref: OwnRef,
  operation: ApplyOperation,
): Promise<ApplyOperation> {
  const { applies } = rollouts;
  const { state, worker, wanted, epoch } = operation;
  if (worker === 'alive') return operation;
  // One that has ended, or was taken for lost, does not come back: the next one has another epoch.
  if (worker !== 'claimed')
    throw new Failure('STATE_CONFLICT', 'the workflow of this epoch is over', { data: { state, epoch } });
  const key = keyOf(ref);
  await applies.mark(key, 'alive');
  // What was made for an attempt that failed is gone: nothing is made of the next before that is noted.
  if (state === 'failed_retryable' && wanted !== 'cancel' && wanted !== 'stop')
    return (await applies.move(key, 'goOn')).operation;
  if (state === 'cutting_over') return (await applies.move(key, 'recover')).operation;
  return operation;
}

/** What a workflow that begins goes by. Whatever may have to be prepared, stands before that. */
export function standingOf({ state, wanted }: ApplyOperation): {
  readonly isUnprepared: boolean;
  readonly wanted: Wanted | null;
} {
  return { isUnprepared: unprepared.includes(state), wanted: wanted ?? implied[state] ?? null };
}

/** Moves an operation as its deploy moves. @returns whether it was not there before @throws Failure STATE_CONFLICT */
export async function moveOperation(ports: DeployPorts, ref: OwnRef, { move, error }: Moving): Promise<boolean> {
  const { applies } = ports.rollouts;
  const operation = await ownOperation(ports, ref);
  const moves = operationMovesOf(move, operation.state);
  if (moves === null) {
    const { state, epoch } = operation;
    throw new Failure('STATE_CONFLICT', `an operation that is ${state} cannot ${move}`, { data: { state, epoch } });
  }
  // Before the move: otherwise the next one in line, or the same again, would be told to revert.
  if (move === 'holdUpRevert' || move === 'failRevert')
    await applies.ask(ref.organizationId, ref.requestId, { revert: null, acceptLosses: false });
  const notes: OperationNotes = {
    waits: move === 'holdUp' || move === 'holdUpRevert' ? (error?.message ?? null) : null,
    ...(error !== undefined && { error: error?.message ?? null, errorCode: error?.code ?? null }),
  };
  const key = keyOf(ref);
  if (moves.length === 0) await applies.note(key, notes);
  else await applies.move(key, moves, notes);
  return moves.length > 0;
}

/** Notes how far a copy is, as far as that is not known already. */
export async function enterPhases(ports: DeployPorts, ref: OwnRef, moves: readonly OperationMoveName[]): Promise<void> {
  const { state } = await ownOperation(ports, ref);
  if (canMove(state, moves[0]!)) await ports.rollouts.applies.move(keyOf(ref), moves);
}

/** Notes something of an operation; that the store is away, or somebody else has it, is no matter. */
export async function noteOperation({ rollouts }: DeployPorts, ref: RequestRef, notes: OperationNotes): Promise<void> {
  if (isOwn(ref)) await rollouts.applies.note(keyOf(ref), notes).catch(() => undefined);
}
