import type { FailureKind } from '../failure-kind';

/** What can go wrong with databases and changes of their schemas; part of the closed set of domain/failures.ts. */
export const schemaFailures = {
  DATABASE_UNREACHABLE: {
    retryable: true,
    status: 503,
    title: 'The database cannot be reached',
    remedy: 'Nothing; it is tried again. Check its address, its password and that it runs if it stays so.',
  },
  DATABASE_RIGHTS: {
    retryable: false,
    status: 403,
    title: 'The account lacks rights in the database',
    remedy: 'Grant what the message names; docs/schema-changes.md lists everything that is needed.',
  },
  SCHEMA_REFUSED: {
    retryable: false,
    status: 422,
    title: 'The change cannot be made safely',
    remedy: 'Do what each lint message says, then plan the change again.',
  },
  CHANGE_CONFLICT: {
    retryable: false,
    status: 409,
    title: 'Another change has one of the tables',
    remedy: 'Wait until the change that the message names is finished, or cancel it.',
  },
  CHANGE_BLOCKED: {
    retryable: true,
    status: 409,
    title: 'Sessions hold what the cut-over has to lock',
    remedy: 'Wait for the sessions that the message names, end them, or cut over by force.',
  },
  CHANGE_DRIFTED: {
    retryable: false,
    status: 409,
    title: 'The table was changed behind the change',
    remedy: 'Cancel the change and plan it again on the present schema.',
  },
  CHANGE_BEHIND: {
    retryable: true,
    status: 409,
    title: 'The change cannot keep up with the writers',
    remedy: 'Lower its throttle, or wait for fewer writes.',
  },
  ROWS_REFUSED: {
    retryable: false,
    status: 409,
    title: 'Rows do not fit the new form of their table',
    remedy: 'Correct the rows that the message names, or change the target; the copy goes on by itself then.',
  },
  SIDES_DIFFER: {
    retryable: false,
    status: 500,
    title: 'The two sides of a change differ',
    remedy: 'Cancel the change; nothing was swapped. Keep the named keys for a report.',
  },
  REVERT_LOSES: {
    retryable: false,
    status: 409,
    title: 'A revert would lose values',
    remedy: 'Look at what would be lost, and revert accepting that.',
  },
} as const satisfies Record<string, FailureKind>;
