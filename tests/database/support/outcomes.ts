import { markdownTable } from '../../../domain/diagrams';
import { lintCodes, type LintCode } from '../../../domain/schema/lint-codes';
import { Way } from '../../../domain/schema/plan';
import { mysqlDone } from './mysql-named-changes';
import { mysqlRefused } from './mysql-refused-changes';
import type { NamedChange } from './named-changes';
import { postgresDone, postgresRefused, postgresWhole } from './postgres-named-changes';

/** What documents show of the lists of named changes, in the form of domain/diagrams.ts. */
export const outcomes: Readonly<Record<string, () => string>> = {
  'outcomes on PostgreSQL': () => table([...postgresDone, ...postgresWhole, ...postgresRefused]),
  'outcomes on MariaDB': () => table([...mysqlDone, ...mysqlRefused]),
};

function table(changes: readonly NamedChange[]): string {
  return markdownTable(
    ['change', 'of a table `t`', 'outcome'],
    changes.map(({ name, statements, outcome, says }) => [
      name,
      `\`${statements.map(shown).join('; ')}\``,
      `${isWay(outcome) ? outcome : `refused: \`${outcome}\``}${says === undefined ? '' : `; ${says}`}`,
    ]),
  );
}

function isWay(outcome: Way | LintCode): outcome is Way {
  return Object.hasOwn(Way, outcome) && !Object.hasOwn(lintCodes, outcome);
}

/** A statement about a table that is called `t`, in one line. */
function shown(statement: string): string {
  return statement
    .replace(/\b(\w+_)?T\b/g, (_, before: string | undefined) => `${before ?? ''}t`)
    .replace(/\s+/g, ' ')
    .replaceAll('|', '\\|');
}
