import type { LintMessage } from '../../../domain/schema/lint-codes';
import { Dialect, type Table } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { generatedNumber } from './helpers';

/** What MySQL cannot have on two tables at once, or put in another's place in one step, and MariaDB can. */
export function lintMySql({ from, operations }: PlannedChange): LintMessage[] {
  if (from.dialect !== Dialect.mysql) return [];
  return operations.flatMap(({ shadow }) =>
    shadow === null ? [] : [...ofChecks(shadow.from, shadow.to), ...ofTriggers(shadow.from)],
  );
}

/** A name is one check's of a whole schema, and only a check that is named after its table follows the table's name. */
function ofChecks({ name: table, checks }: Table, to: Table): LintMessage[] {
  return checks
    .filter(({ name: own }) => generatedNumber(table, own) === null && to.checks.some((check) => check.name === own))
    .map(({ name: own }) =>
      inTheWay(
        table,
        own,
        `MySQL lets no second table have a check ${own} while ${table} has it; one without a name of its own may stay`,
      ),
    );
}

/** There is no CREATE OR REPLACE: for a moment a trigger would be missing, or fire twice. */
function ofTriggers({ name: table, triggers }: Table): LintMessage[] {
  return triggers.map(({ name: own }) =>
    inTheWay(table, own, `MySQL cannot put another trigger in the place of ${own} of ${table} in one step`),
  );
}

function inTheWay(table: string, subject: string, message: string): LintMessage {
  return { code: 'DEPENDENT_IN_THE_WAY', table, column: null, subject, message, rows: null };
}
