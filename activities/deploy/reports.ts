import type { DeployOperation } from '../../domain/deploy/request';
import type { DeploymentMoveName } from '../../domain/deploy/states';
import type { OwnMove } from '../../domain/rollout/words';
import type { FailureView } from '../../domain/saga';
import type { OperationReport } from '../../prisma/deploy-store';
import type { Moving } from './activities';
import { planKey } from './operation';
import type { DeployPorts } from './ports';

/** What becomes of the operations with a move. */
const reports: Partial<Record<DeploymentMoveName | OwnMove, OperationReport>> = {
  deploy: { state: 'queued' },
  begin: { state: 'in_progress' },
  open: { state: 'complete', percent: 100, etaSeconds: 0 },
  finishAtOnce: { state: 'complete', percent: 100, etaSeconds: 0 },
  cancelled: { state: 'cancelled', etaSeconds: null },
  failForNow: { state: 'queued', percent: 0, etaSeconds: null },
};

/** Moves with which those that are not done have failed. */
const failing: readonly (DeploymentMoveName | OwnMove)[] = ['fail', 'failRevert', 'refuseLate'];

/** Notes what becomes of the tables of a request, or of an operation, with a move. */
export async function reportMove({ deploys }: DeployPorts, { move, error, ...ref }: Moving): Promise<void> {
  const { requests } = deploys;
  const report = reports[move];
  const isBlamed = error && failing.includes(move);
  if (!report && !isBlamed) return;
  const operations = await requests.operations(ref.organizationId, planKey(ref));
  const tables: Record<string, OperationReport> = isBlamed
    ? blame(operations, error)
    : Object.fromEntries(operations.map(({ table }) => [table, report!]));
  await requests.report(ref.organizationId, planKey(ref), tables);
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
