import type { FailureKind } from '../failure-kind';

/** What can go wrong with databases, branches and deploy requests; part of the closed set of domain/failures.ts. */
export const deployFailures = {
  APPROVAL_MISSING: {
    retryable: false,
    status: 403,
    title: 'Deploy request must be approved before deploying.',
    remedy: 'Have somebody approve it who may, then deploy it.',
  },
} as const satisfies Record<string, FailureKind>;
