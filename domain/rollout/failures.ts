import type { FailureKind } from '../failure-kind';

/** What can go wrong with rollouts over several deployments; part of the closed set of domain/failures.ts. */
export const rolloutFailures = {
  LOCK_HELD: {
    retryable: false,
    status: 409,
    title: 'Somebody else holds the schema lock',
    remedy: 'Wait until `owner` has given it back, or take it by force with a reason.',
  },
  DEPLOYMENT_DRIFTED: {
    retryable: false,
    status: 409,
    title: 'A deployment does not have the schema of the others',
    remedy: 'Make its schema that of the first deployment, then deploy again.',
  },
} as const satisfies Record<string, FailureKind>;
