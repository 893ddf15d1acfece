import type { DeployRequest } from '../../domain/deploy/request';
import { deploymentMoves, type DeploymentMoveName } from '../../domain/deploy/states';
import { Failure } from '../../domain/failures';
import type { DeploymentNotes } from '../../prisma/deploy-store';
import type { OwnMove } from '../../domain/rollout/words';
import type { DeployActivities, Standing } from './activities';
import { hasMoved } from './looks';
import { arrive, isOwn, keyOf, ownOperation, planKey, seenBy, standingOf, type OwnRef } from './operation';
import { moveOwn } from './own-moves';
import type { DeployPorts } from './ports';
import { reportMove } from './reports';
import { severalOf } from './several';
import { placeOf, requestOf, subjectOf } from './subject';
import { progressText } from './text';

type NoteSteps = Pick<DeployActivities, 'standing' | 'move' | 'accept' | 'closeRequest' | 'set' | 'describe'>;

/** The time that a move is noted as. */
const times: Partial<Record<DeploymentMoveName, keyof DeploymentNotes>> = {
  deploy: 'queuedAt',
  submit: 'submittedAt',
  begin: 'startedAt',
  gate: 'readyToCutoverAt',
  open: 'cutoverAt',
  finishAtOnce: 'cutoverAt',
};

/** Moves with which a request has ended. */
const ends: readonly DeploymentMoveName[] = [
  ...(['finish', 'finishAtOnce', 'cancelled', 'fail', 'reverted', 'failRevert'] as const),
  ...(['refuseLate', 'completeDeploy', 'unblock'] as const),
];

/** Who caused a move is noted as. */
const actors: Partial<Record<DeploymentMoveName, keyof DeploymentNotes>> = {
  cutOver: 'cutoverActor',
  cancel: 'cancelActor',
  revert: 'revertActor',
};

/** Looking at a request, and writing down what became of it. */
export function noteSteps(ports: DeployPorts): NoteSteps {
  const { requests } = ports.deploys;

  const ownStanding = async (
    ref: OwnRef,
    request: DeployRequest,
  ): Promise<Pick<Standing, 'state' | 'error' | 'wanted'>> => {
    const operation = await arrive(ports, ref, await ownOperation(ports, ref));
    const { deployment } = seenBy(request, operation);
    const { isUnprepared, wanted } = standingOf(operation);
    const isCancelled = deployment.state === 'in_progress_cancel';
    return { error: deployment.error, wanted, state: isUnprepared && !isCancelled ? 'submitting' : deployment.state };
  };

  return {
    async standing(ref) {
      const { request, database } = await (isOwn(ref) ? placeOf : subjectOf)(ports, ref);
      const { deployment } = request;
      const found = {
        ...{ state: deployment.state, deployed: request.deployedAt !== null, closed: request.closedAt !== null },
        ...{ instant: deployment.instant, autoCutover: deployment.autoCutover, error: deployment.error },
        revertWindowEndsAt: deployment.revertWindowEndsAt?.toISOString() ?? null,
        ...{ database: database.name, branch: request.branch, intoBranch: request.intoBranch },
      };
      const { several, apply, acceptLosses } = await severalOf(ports, ref, {
        database,
        intoBranch: request.intoBranch,
      });
      if (!isOwn(ref)) return { ...found, several, apply, acceptLosses: false, wanted: null };
      const own = await ownStanding(ref, request);
      return { ...found, ...own, several: false, apply: null, acceptLosses };
    },

    async move(moving) {
      const { move, at, by, error, revertWindowEndsAt, ...ref } = moving;
      if (isOwn(ref)) return await moveOwn(ports, moving, ref);
      if (!isMoveOfRequest(move)) throw new Failure('STATE_CONFLICT', `a deploy request cannot ${move}`);
      const time = new Date(at);
      const [timeOf, actorOf] = [times[move], actors[move]];
      await requests.move(ref.organizationId, ref.requestId, move, {
        ...(timeOf && { [timeOf]: time }),
        ...(ends.includes(move) && { finishedAt: time }),
        ...(actorOf && by !== undefined && { [actorOf]: by }),
        ...(error !== undefined && { error }),
        // Whoever wants it forced the next time says so again.
        ...(move === 'holdUp' && { forceCutoverRequestedAt: null }),
        ...(revertWindowEndsAt !== undefined && { revertWindowEndsAt: new Date(revertWindowEndsAt) }),
      });
      hasMoved(ref);
      await reportMove(ports, moving);
    },

    async accept({ instant, ...ref }) {
      // Only the workflow of the request does this: whatever was accepted before, was by an attempt of its own.
      if ((await requestOf(ports, ref)).deployedAt !== null) return;
      await requests.deployed(ref.organizationId, ref.requestId, instant);
    },

    async closeRequest({ by, ...ref }) {
      const { closedAt, closedBy } = await requestOf(ports, ref);
      if (closedAt !== null && closedBy === by) return;
      await requests.close(ref.organizationId, ref.requestId, by);
    },

    async set({ throttle, autoCutover, forced, error, ...ref }) {
      if (isOwn(ref) && error)
        await ports.rollouts.applies.note(keyOf(ref), { error: error.message, errorCode: error.code });
      await requests.note(ref.organizationId, ref.requestId, {
        ...(throttle !== undefined && { throttle }),
        ...(autoCutover !== undefined && { autoCutover }),
        ...(error !== undefined && !isOwn(ref) && { error }),
        ...(forced === true && { forceCutoverRequestedAt: new Date() }),
      });
    },

    async describe(ref) {
      const [request, operations] = await Promise.all([
        requestOf(ports, ref),
        requests.operations(ref.organizationId, planKey(ref)),
      ]);
      return progressText(request, operations);
    },
  };
}

function isMoveOfRequest(move: DeploymentMoveName | OwnMove): move is DeploymentMoveName {
  return Object.hasOwn(deploymentMoves, move);
}
