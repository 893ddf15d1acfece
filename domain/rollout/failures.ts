import type { FailureKind } from '../failure-kind';

/** What can go wrong with rollouts over several deployments; part of the closed set of domain/failures.ts. */
export const rolloutFailures = {
  LOCK_HELD: {
    retryable: false,
    status: 409,
    title: 'Somebody else holds the schema lock',
    remedy: 'Wait until `owner` has given it back, or take it by force with a reason.',
  },
  GATE_CLOSED: {
    retryable: false,
    status: 409,
    title: 'The environment may not be changed yet',
    remedy: 'Wait until the environments before it are live, or open its gate with a reason.',
  },
  APPLY_UNDETERMINED: {
    retryable: false,
    status: 409,
    title: 'The state of the rollout cannot be told',
    remedy: 'Repair the rows that `blamed` names; the rollout goes on by itself then.',
  },
  DEPLOYMENT_DRIFTED: {
    retryable: false,
    status: 409,
    title: 'A deployment does not have the schema of the others',
    remedy: 'Make its schema that of the first deployment, then deploy again.',
  },
} as const satisfies Record<string, FailureKind>;
