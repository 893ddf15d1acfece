import { inOrder } from '../../../domain/schema/statements';
import { diff } from '../../../domain/schema/diff';
import { mysqlDdl } from '../../../domain/schema/mysql/ddl';
import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import { shadowsOf } from './helpers';
import { alterInstantly } from './instant';
import { introspect } from './introspect';
import type { Point } from './points';
import { endProofs } from './proof-mark';
import type { Session } from './session';
import type { Fence } from './state';
import { silence } from './user-triggers';

/** Does what a swap leaves to be done, and writes the swap down. @param to the phase that it ends in. */
export async function settleIn(
  to: ChangePhase,
  { session, fence, point }: { readonly session: Session; readonly fence: Fence; readonly point: Point },
  change: PlannedChange,
  signal: AbortSignal,
): Promise<void> {
  await settle(session, change, to === 'swapped' ? 'new' : 'old', point, signal);
  await fence.transaction(async () => {
    for (const { names } of shadowsOf(change)) await endProofs(session, names.cursor);
    await fence.enter(to);
  });
}

/**
 * What a swap leaves to be done, before the side that is not live any more is written to. Repeating it does nothing.
 * @param live the side that is live now.
 */
async function settle(
  session: Session,
  change: PlannedChange,
  live: 'old' | 'new',
  point: Point,
  signal: AbortSignal,
): Promise<void> {
  if (live === 'new') for (const shadow of shadowsOf(change)) await silence(session, shadow, signal);
  await point('settle.silent');
  await alterInstantly(session, change, live === 'new' ? 'forward' : 'back', signal);
  await point('settle.altered');
  await makeRest(session, change, live === 'new' ? 'forward' : 'back');
  await point('settle.done');
}

/** Makes what cannot be renamed in the same statement what it has to be: views, routines, sequences. */
async function makeRest(session: Session, change: PlannedChange, direction: Direction): Promise<void> {
  const wanted = direction === 'forward' ? change.to : change.from;
  if (!change.operations.some(({ object }) => object !== 'table')) return;
  const touched = (object: string, name: string): boolean =>
    change.operations.some((operation) => operation.object === object && operation.name === name);
  const there = await introspect(session);
  await session.execute('COMMIT');
  const mine = <T extends { readonly name: string }>(object: string, parts: readonly T[]): T[] =>
    parts.filter(({ name }) => touched(object, name));
  const [from, to] = [there, wanted].map((model) => ({
    ...model,
    tables: [],
    views: mine('view', model.views),
    routines: mine('routine', model.routines),
    sequences: mine('sequence', model.sequences),
  }));
  for (const statement of inOrder(diff({ from: from!, to: to!, renames: [] }, mysqlDdl)))
    await session.execute(statement);
}
