import type { Operation, SchemaChange } from '../../../domain/schema/change';
import { lintSchemas, type LintPolicy } from '../../../domain/schema/lint';
import type { LintMessage } from '../../../domain/schema/lint-codes';
import { tableOf } from '../../../domain/schema/model';
import { compareTables } from '../../../domain/schema/table-change';
import { lintAccount, lintBindings } from './lint-bindings';
import { askRows } from './lint-rows';
import type { Session } from './session';

/** Everything that keeps a change from being made safely, as far as the schemas, the server and the rows tell. */
export async function lint(
  session: Session,
  change: SchemaChange,
  operations: readonly Operation[],
  policy: LintPolicy,
): Promise<LintMessage[]> {
  const messages = [
    ...lintSchemas(change, operations, policy),
    ...(await lintAccount(session)),
    ...(await lintBindings(session, change)),
  ];
  for (const to of change.to.tables) {
    const from = tableOf(change.from, to.name);
    const altered = from && compareTables(from, to, change.renames);
    if (altered) messages.push(...(await askRows(session, change, altered)));
  }
  return messages;
}
