import { requestRunId } from '../../domain/deploy/contract';
import type { DeploymentMoveName } from '../../domain/deploy/states';
import type { OwnMove } from '../../domain/rollout/words';
import type { Moving } from './activities';
import { hasMoved } from './looks';
import { moveOperation, type OwnRef } from './operation';
import type { DeployPorts } from './ports';
import { reportMove } from './reports';
import { requestOf } from './subject';

/** Moves of operations from which nothing follows for the others, nor for what the request says. */
const unheeded: readonly (DeploymentMoveName | OwnMove)[] = ['begin', 'skipRevert'];

/** Moves with which a swap that was forced has been tried. */
const tried: readonly (DeploymentMoveName | OwnMove)[] = ['holdUp', 'open', 'finishAtOnce'];

/** Moves an operation as its deploy moves, and has everybody hear of it whom it concerns. @throws Failure STATE_CONFLICT */
export async function moveOwn(ports: DeployPorts, moving: Moving, ref: OwnRef): Promise<void> {
  const { move } = moving;
  const isNew = await moveOperation(ports, ref, moving);
  hasMoved(ref);
  if (move === 'cutOver') ports.queues.lookSoon(requestRunId(ref));
  // Whoever swapped it has told already that it is open.
  else if (!unheeded.includes(move) && (isNew || move !== 'open')) await ports.queues.look(requestRunId(ref));
  if (tried.includes(move)) await forcedNoMore(ports, ref);
  await reportMove(ports, moving);
}

/** Whoever wants the next one forced, too, says so again. */
async function forcedNoMore(ports: DeployPorts, ref: OwnRef): Promise<void> {
  const { organizationId, requestId } = ref;
  if ((await requestOf(ports, ref)).deployment.forceCutoverRequestedAt === null) return;
  await ports.deploys.requests.note(organizationId, requestId, { forceCutoverRequestedAt: null });
}
