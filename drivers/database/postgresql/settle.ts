import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import { literal } from '../../../domain/schema/postgresql/quote';
import type { Unvalidated } from './carry';
import { isPassing, isRefusal } from './engine-session';
import type { Session } from './session';
import { stateTable, type Fence } from './state';

/**
 * Validates the foreign keys that a swap added without a look at the rows. New writes are held to them since the swap.
 * @throws Failure ROWS_REFUSED when rows refer to nothing, which the change's own new keys alone may meet.
 */
export async function settle(session: Session, fence: Fence, signal: AbortSignal): Promise<void> {
  for (;;) {
    const [row] = await session.query(`SELECT unvalidated FROM ${stateTable(fence.changeId)} WHERE id = 1`);
    const [first, ...rest] = row!.unvalidated as Unvalidated[];
    if (first === undefined) return;
    signal.throwIfAborted();
    try {
      await session.execute(`ALTER TABLE ${first.table} VALIDATE CONSTRAINT ${first.constraint}`);
      await fence.transaction('READ COMMITTED', async () => {
        await session.execute(
          `UPDATE ${stateTable(fence.changeId)} SET unvalidated = ${literal(JSON.stringify(rest))}::jsonb WHERE id = 1`,
        );
      });
    } catch (error) {
      if (isRefusal(error))
        throw new Failure('ROWS_REFUSED', `${first.constraint} of ${first.table} is broken: ${error.message}`);
      if (!isPassing(error)) throw error;
      await sleep(100 + Math.random() * 200, undefined, { signal });
    }
  }
}
