import type { WouldChange } from '../../../domain/deploy/contract';
import type { DatabaseRecord } from '../../../domain/deploy/database';
import { isError, lintView, textsView } from './lint';

/** What a request would do if it was opened. Ours: PlanetScale has no such answer. */
export function wouldChangeView(
  { operations, diff, lint, instantEligible, bytesNeeded }: WouldChange,
  database: DatabaseRecord,
  { branch, into }: { readonly branch: string; readonly into: string },
): Record<string, unknown> {
  const errors = lint.filter(isError);
  return {
    dry_run: true,
    branch,
    into_branch: into,
    deployable: operations.length > 0 && errors.length === 0,
    instant_ddl_eligible: instantEligible,
    storage_bytes_needed: bytesNeeded,
    deploy_operations: operations.map((operation) => ({
      keyspace_name: database.name,
      table_name: operation.table,
      operation_name: operation.kind,
      ddl_statement: operation.ddl,
      can_drop_data: operation.canDropData,
      way: operation.way,
      because: operation.because,
    })),
    diff: (textsView(diff) as { data: unknown }).data,
    lint_errors: errors.map((each) => lintView(each, database.name)),
    lint_warnings: lint.filter((each) => !isError(each)).map((each) => lintView(each, database.name)),
  };
}
