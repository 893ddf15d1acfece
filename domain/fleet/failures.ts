import type { FailureKind } from '../failure-kind';

/** What can go wrong with machines and the ways to them; part of the closed set of domain/failures.ts. */
export const fleetFailures = {
  BACKEND_UNAVAILABLE: {
    retryable: false,
    status: 400,
    title: 'This backend is not configured',
    remedy: 'Use one of the configured backends and regions, or configure it.',
  },
  CLOUD_THROTTLED: {
    retryable: true,
    status: 503,
    title: 'The backend asks for fewer calls',
    remedy: 'Nothing; it is tried again later. Ask for a higher limit if it stays so.',
  },
  CLOUD_QUOTA: {
    retryable: false,
    status: 502,
    title: 'The backend’s quota is used up',
    remedy: 'Delete what is not needed, or have the quota raised.',
  },
  CLOUD_CAPACITY: {
    retryable: true,
    status: 502,
    title: 'The backend has no such machine to give',
    remedy: 'Wait, or use another region or instance type.',
  },
  CLOUD_SPEC_REFUSED: {
    retryable: false,
    status: 502,
    title: 'The backend refuses such a machine',
    remedy: 'Correct what the message names: the region, instance type, image or network.',
  },
  CLOUD_AUTH: {
    retryable: false,
    status: 502,
    title: 'The backend refuses our credentials',
    remedy: 'Check the credentials and the policy that is shipped with Gatewright.',
  },
  CLOUD_CONFLICT: {
    retryable: true,
    status: 502,
    title: 'The backend is busy with the same machine',
    remedy: 'Nothing; it is looked at again.',
  },
  CLOUD_RECLAIMED: {
    retryable: false,
    status: 502,
    title: 'The backend took the machine back',
    remedy: 'Nothing; the replica is replaced. Use machines that are not reclaimable if it happens too often.',
  },
  CLOUD_UNAVAILABLE: {
    retryable: true,
    status: 502,
    title: 'The backend does not answer',
    remedy: 'Check the backend’s address and its own status page.',
  },
  CLOUD_OUTCOME_UNKNOWN: {
    retryable: true,
    status: 502,
    title: 'The backend’s answer was lost',
    remedy: 'Nothing; the machine is looked for by its token before anything is repeated.',
  },
  MACHINE_GONE: {
    retryable: false,
    status: 502,
    title: 'The machine is gone',
    remedy: 'Nothing; the replica is replaced. Find out who removed its machine.',
  },
  SSH_UNREACHABLE: {
    retryable: true,
    status: 502,
    title: 'The machine cannot be reached over SSH',
    remedy: 'Check its network, its firewall and that its sshd runs.',
  },
  SSH_AUTH: {
    retryable: true,
    status: 502,
    title: 'The machine does not let us in',
    remedy: 'Check that our public key is among the user’s authorized keys.',
  },
  SSH_HOST_KEY: {
    retryable: false,
    status: 502,
    title: 'The machine identifies itself with another host key',
    remedy: 'Somebody may be in between: find out why before anything else. The replica is destroyed.',
  },
  SSH_LIMIT: {
    retryable: true,
    status: 502,
    title: 'The machine opens no more sessions',
    remedy: 'Nothing; it is tried again. See MaxSessions and MaxStartups of its sshd.',
  },
  SSH_OUTCOME_UNKNOWN: {
    retryable: true,
    status: 502,
    title: 'The connection was lost while a command ran',
    remedy: 'Nothing; what came of it is read from the state file on the machine.',
  },
  HOST_BUSY: {
    retryable: true,
    status: 502,
    title: 'Somebody else is configuring the machine',
    remedy: 'Nothing; it is tried again once the lock on the machine is free.',
  },
  SCRIPT_FAILED: {
    retryable: false,
    status: 502,
    title: 'A script of the profile failed on the machine',
    remedy: 'Read its output in the run’s events; correct the profile or the machine.',
  },
  REPLICA_UNHEALTHY: {
    retryable: true,
    status: 502,
    title: 'The replica does not pass its health check',
    remedy: 'Look at the gateway agent’s log on the machine.',
  },
  PROFILE_INVALID: {
    retryable: false,
    status: 400,
    title: 'The profile is not valid',
    remedy: 'Correct what the message names.',
  },
} as const satisfies Record<string, FailureKind>;
