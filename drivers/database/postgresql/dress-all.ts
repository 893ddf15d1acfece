import type { PlannedChange } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import { dress } from './dress';
import { nameStatistics } from './inventory';
import { exchangeOf } from './members';
import { asideName } from './names';
import { satellitesOf } from './satellites';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import type { Fence } from './state';

/** Gives every table that is to come in what its live one has beside its schema. */
export async function dressAll(
  session: Session,
  fence: Fence,
  change: PlannedChange,
  shadows: readonly ShadowTables[],
  direction: Direction,
): Promise<void> {
  const { leaving, coming } = exchangeOf(change, shadows, direction);
  for (const member of leaving) {
    const next = coming.find(({ shadow }) => shadow !== null && shadow === member.shadow);
    if (next === undefined) continue;
    await fence.transaction('READ COMMITTED', async () => {
      await dress(session, member, next);
      const [live, made] = [await satellitesOf(session, member.table.name), await satellitesOf(session, next.aside)];
      await nameStatistics(session, change.id, live, made, (own) => asideName(own, next.side));
    });
  }
}
