import type { FleetGateway, FleetReplica, ProfileRevision } from '../../domain/fleet/gateway';
import type { Profile } from '../../domain/fleet/profile';
import type { ProfileValues } from '../../domain/fleet/values';
import type { SshAddress } from '../../domain/fleet/machine';

/** The way to a replica's machine: where its sshd is, what proves that it is the right one, and what lets us in. */
export interface Way {
  readonly ssh: SshAddress;
  /** The public key that its sshd must identify itself with. */
  readonly hostPublicKey: string;
  readonly privateKey: string;
  /** `ip:port` that edges reach the replica at. */
  readonly serves: string;
}

/** What a replica is configured with: a revision of a profile, its values for this replica, and the secrets they name. */
export interface ReplicaProfile {
  readonly revision: ProfileRevision;
  readonly profile: Profile;
  readonly values: ProfileValues;
  readonly secrets: Readonly<Record<string, string>>;
}

/** What is done on machines. */
export interface Hosts {
  /** `ip:port` of a replica whose machine edges reach at `ip`. */
  servesAt(ip: string): string;
  /** What a replica of a gateway is to be configured with. @throws Failure PROFILE_INVALID, SECRET_UNAVAILABLE. */
  profile(replica: FleetReplica, gateway: FleetGateway): Promise<ReplicaProfile>;
  /** Connects once. @throws Failure SSH_HOST_KEY, SSH_AUTH, SSH_UNREACHABLE. */
  reach(way: Way, timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** @throws what `configure` of drivers/ssh/configure.ts throws. */
  configure(
    way: Way,
    profile: ReplicaProfile,
    operationId: string,
    onOutput: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Asks once for the health. @returns why it is not healthy; null when it is. */
  health(way: Way, profile: ReplicaProfile, timeoutMs: number, signal: AbortSignal): Promise<string | null>;
}
