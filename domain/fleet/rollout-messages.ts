import type { ProfileRevision } from './gateway';

/** What events say of giving the replicas of a gateway another revision of its profile. */
export const rolloutText = {
  replicaConfigured: (profile: ProfileRevision) => `Gateway replica configured with profile ${named(profile)}`,
  finished: (profile: ProfileRevision, run: string) => `All replicas have profile ${named(profile)} (run ${run})`,
  takenBack: (to: ProfileRevision, from: ProfileRevision, run: string) =>
    `Profile ${named(to)} taken back: ${named(from)} holds again (run ${run})`,
} as const;

/** Why a replica is replaced whose former revision could not be put back. */
export const rolloutStatus = 'Its profile could not be put back';

function named({ name, revision }: ProfileRevision): string {
  return `${name}:${revision}`;
}
