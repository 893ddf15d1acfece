import { Failure } from '../../../domain/failures';
import type { SchemaChange } from '../../../domain/schema/change';
import { mysqlDdl } from '../../../domain/schema/mysql/ddl';
import type { PlannedChange } from '../../../domain/schema/plan';
import { planChange } from '../../../domain/schema/ways';
import type { PlanWishes } from '../engine';
import { instantTables } from './instant';
import { ServerError, type Session } from './session';

/** The account lacks a right on a table, on the schema, or on the server. */
const DENIED: readonly number[] = [1142, 1044, 1227];

/** Chooses how each operation of a change is made, by trying on empty copies what might only touch the catalog. */
export async function plan(
  session: Session,
  id: string,
  change: SchemaChange,
  wishes: PlanWishes,
  signal: AbortSignal,
): Promise<PlannedChange> {
  const instant = await instantTables(session, id, change, signal).catch((error: unknown) => {
    if (error instanceof ServerError && DENIED.includes(error.errno))
      throw new Failure('DATABASE_RIGHTS', `the change could not be tried: ${error.message}`);
    throw error;
  });
  return planChange(id, change, mysqlDdl, { instant, instantWanted: wishes.instant });
}
