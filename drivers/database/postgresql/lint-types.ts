import { OperationKind } from '../../../domain/schema/change';
import type { LintMessage } from '../../../domain/schema/lint-codes';
import type { DomainType } from '../../../domain/schema/model';
import { Way, type PlannedChange, type PlannedOperation } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import { same } from '../../../domain/schema/table-change';
import { text } from './rows';
import type { Session } from './session';

/**
 * Types that somebody uses cannot be altered without a look at every row, or a rewrite of it, while all of their tables
 * are locked: now, or when the change is taken back.
 */
export async function lintTypes(session: Session, change: PlannedChange): Promise<LintMessage[]> {
  const messages: LintMessage[] = [];
  for (const operation of change.operations.filter((each) => touchesRows(change, each))) {
    const users = await usersOf(session, operation.name);
    if (users.length === 0) continue;
    const some = `${users.slice(0, 3).join(', ')}${users.length > 3 ? ` and ${users.length - 3} more` : ''}`;
    const { object, name: type } = operation;
    const why =
      object === 'enum'
        ? `cannot get its values back in a revert without all of them being written anew (only wanted as an instant change, ` +
          `new values are added, and stay after a revert)`
        : 'cannot be altered without a look at all of them while nobody may write';
    messages.push({
      ...{ code: 'TYPE_IN_USE', table: null, column: null, subject: type, rows: null },
      message: `${object} ${type}, which is the type of ${some}, ${why}`,
    });
  }
  return messages;
}

function touchesRows({ from, to }: PlannedChange, { object, kind, name: type, way }: PlannedOperation): boolean {
  if (kind !== OperationKind.alter || way === Way.instant) return false;
  if (object === 'enum') {
    const [old, fresh] = [from, to].map(({ enums }) => enums.find((each) => each.name === type)!);
    return !same(old!.values, fresh!.values);
  }
  if (object !== 'domain') return false;
  const [old, fresh] = [from, to].map(({ domains }) => domains.find((each) => each.name === type)!);
  return !same(ruled(old!), ruled(fresh!));
}

/** What of a domain its values have to obey. */
function ruled({ type, nullable, collation, checks }: DomainType): unknown {
  return { type, nullable, collation, checks };
}

async function usersOf(session: Session, type: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS what
     FROM pg_type y JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray)
     WHERE y.oid = to_regtype($1) AND d.deptype <> 'i' AND NOT (d.classid = 'pg_type'::regclass AND d.objid = y.typarray)
       AND NOT EXISTS (SELECT FROM pg_constraint k WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contypid = y.oid)
     ORDER BY 1`,
    [name(type)],
  );
  return rows.map((row) => text(row.what));
}
