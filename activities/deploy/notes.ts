import type { RequestRef } from '../../domain/deploy/contract';
import type { DeployOperation } from '../../domain/deploy/request';
import type { DeploymentMoveName } from '../../domain/deploy/states';
import type { FailureView } from '../../domain/saga';
import type { DeploymentNotes, OperationReport } from '../../prisma/deploy-store';
import type { DeployActivities } from './activities';
import type { DeployPorts } from './ports';
import { requestOf, subjectOf } from './subject';
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

/** What becomes of the operations with a move. */
const reports: Partial<Record<DeploymentMoveName, OperationReport>> = {
  deploy: { state: 'queued' },
  begin: { state: 'in_progress' },
  open: { state: 'complete', percent: 100, etaSeconds: 0 },
  finishAtOnce: { state: 'complete', percent: 100, etaSeconds: 0 },
  cancelled: { state: 'cancelled', etaSeconds: null },
};

/** Looking at a request, and writing down what became of it. */
export function noteSteps(ports: DeployPorts): NoteSteps {
  const { requests } = ports.deploys;

  const reportAll = async (ref: RequestRef, report: OperationReport): Promise<void> => {
    const operations = await requests.operations(ref.organizationId, ref.requestId);
    await requests.report(
      ref.organizationId,
      ref.requestId,
      Object.fromEntries(operations.map(({ table }) => [table, report])),
    );
  };

  return {
    async standing(ref) {
      const { request, database } = await subjectOf(ports, ref);
      const { deployment } = request;
      return {
        ...{ state: deployment.state, deployed: request.deployedAt !== null, closed: request.closedAt !== null },
        ...{ instant: deployment.instant, autoCutover: deployment.autoCutover, error: deployment.error },
        revertWindowEndsAt: deployment.revertWindowEndsAt?.toISOString() ?? null,
        ...{ database: database.name, branch: request.branch, intoBranch: request.intoBranch },
      };
    },

    async move({ move, at, by, error, revertWindowEndsAt, ...ref }) {
      const time = new Date(at);
      const [timeOf, actorOf, report] = [times[move], actors[move], reports[move]];
      await requests.move(ref.organizationId, ref.requestId, move, {
        ...(timeOf && { [timeOf]: time }),
        ...(ends.includes(move) && { finishedAt: time }),
        ...(actorOf && by !== undefined && { [actorOf]: by }),
        ...(error !== undefined && { error }),
        // Whoever wants it forced the next time says so again.
        ...(move === 'holdUp' && { forceCutoverRequestedAt: null }),
        ...(revertWindowEndsAt !== undefined && { revertWindowEndsAt: new Date(revertWindowEndsAt) }),
      });
      if (report) await reportAll(ref, report);
      if (error && (move === 'fail' || move === 'failRevert' || move === 'refuseLate'))
        await requests.report(
          ref.organizationId,
          ref.requestId,
          blame(await requests.operations(ref.organizationId, ref.requestId), error),
        );
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
      await requests.note(ref.organizationId, ref.requestId, {
        ...(throttle !== undefined && { throttle }),
        ...(autoCutover !== undefined && { autoCutover }),
        ...(error !== undefined && { error }),
        ...(forced === true && { forceCutoverRequestedAt: new Date() }),
      });
    },

    async describe(ref) {
      const [request, operations] = await Promise.all([
        requestOf(ports, ref),
        requests.operations(ref.organizationId, ref.requestId),
      ]);
      return progressText(request, operations);
    },
  };
}

/** Gives a failure to the tables that it names, or to all that are not done. */
function blame(
  operations: readonly DeployOperation[],
  { message }: FailureView,
): Readonly<Record<string, OperationReport>> {
  const open = operations.filter(({ state }) => state !== 'complete' && state !== 'cancelled');
  const named = open.filter(({ table }) => message.includes(table));
  const guilty = named.length > 0 ? named : open;
  return Object.fromEntries(
    open.map((operation) => [
      operation.table,
      guilty.includes(operation) ? { state: 'error', error: message } : { state: 'cancelled' },
    ]),
  );
}
