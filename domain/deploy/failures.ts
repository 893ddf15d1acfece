import type { FailureKind } from '../failure-kind';

/** What can go wrong with databases, branches and deploy requests; part of the closed set of domain/failures.ts. */
export const deployFailures = {
  APPROVAL_MISSING: {
    retryable: false,
    status: 403,
    title: 'Deploy request must be approved before deploying.',
    remedy: 'Have somebody approve it who may, then deploy it.',
  },
  DEPLOY_CONFLICT: {
    retryable: false,
    status: 409,
    title: 'Branch and target have both changed the same thing',
    remedy: 'Make the change that the message names in the branch, too, or take it back there; then check again.',
  },
} as const satisfies Record<string, FailureKind>;
