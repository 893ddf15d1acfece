import type { Decided } from '../domain/rollout/decided';
import { isSettled } from '../domain/rollout/states';
import type { OpenApply } from './apply-moves';
import type { RawOperation } from './apply-operation-rows';
import type { OperationKey } from './apply-store';

/** Writes what was decided of an apply. @returns the operations that were claimed, with their epochs */
export async function carryOut(open: OpenApply, decided: Decided): Promise<readonly OperationKey[]> {
  // What has ended stays as it is.
  if (open.isSettled) return [];
  for (const { operationId, move, notes } of decided.moves)
    await open.move(await open.operation(operationId), move, notes ?? {}, 'apply');
  const claimed: OperationKey[] = [];
  for (const id of decided.claim) {
    const key = await open.claim(id);
    if (key) claimed.push(key);
  }
  for (const [id, wanted] of Object.entries(decided.want)) {
    const row = await open.operation(id);
    if (row.wanted !== wanted) await open.write(row, { wanted });
  }
  await keepWaiting(open, decided.waits);
  if (decided.revertWindowEndsAt !== null && open.row.revertWindowEndsAt === null)
    open.set(
      { revertWindowEndsAt: decided.revertWindowEndsAt },
      `it can be reverted until ${decided.revertWindowEndsAt.toISOString()}`,
    );
  if (decided.over.length > 0) open.over(decided.over);
  return claimed;
}

/** Notes why operations wait, many at once: a deployment that goes on may change what a thousand others wait for. */
async function keepWaiting(open: OpenApply, waits: Decided['waits']): Promise<void> {
  const news = new Map<string | null, RawOperation[]>();
  for (const row of open.operations) {
    if (typeof row.id !== 'string') continue;
    const named = Object.hasOwn(waits, row.id) ? waits[row.id]! : null;
    // Of what is worked on, its own workflow says what is in the way.
    const isApart =
      named === null && (row.worker === 'alive' || row.worker === 'claimed' || isSettled(String(row.state)));
    if (isApart || row.waits === named) continue;
    const same = news.get(named);
    if (same) same.push(row);
    else news.set(named, [row]);
  }
  for (const [why, rows] of news) await open.wait(rows, why);
}
