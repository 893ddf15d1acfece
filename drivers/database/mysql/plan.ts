import type { SchemaChange } from '../../../domain/schema/change';
import { mysqlDdl } from '../../../domain/schema/mysql/ddl';
import type { PlannedChange } from '../../../domain/schema/plan';
import { planChange } from '../../../domain/schema/ways';
import type { PlanWishes } from '../engine';
import { instantTables } from './instant';
import type { Session } from './session';

/** Chooses how each operation of a change is made, by trying on empty copies what might only touch the catalog. */
export async function plan(
  session: Session,
  id: string,
  change: SchemaChange,
  wishes: PlanWishes,
  signal: AbortSignal,
): Promise<PlannedChange> {
  const instant = await instantTables(session, id, change, signal);
  return planChange(id, change, mysqlDdl, { instant, instantWanted: wishes.instant });
}
