import { replicaSecretOf } from '../activities/fleet/keys';
import type { Hosts, ReplicaProfile, Way } from '../activities/fleet/hosts';
import type { FleetPorts } from '../activities/fleet/ports';
import type { Network } from '../domain/address';
import { Failure, isFailure } from '../domain/failures';
import {
  isSameProfile,
  shippedProfile,
  type FleetGateway,
  type FleetReplica,
  type ProfileRevision,
} from '../domain/fleet/gateway';
import { readProfile, type Profile } from '../domain/fleet/profile';
import { secretsOf, valuesOfReplica } from '../domain/fleet/replica-values';
import type { ProfileValues } from '../domain/fleet/values';
import { replicaSecretName } from '../domain/gateway/agent-protocol';
import { configure } from '../drivers/ssh/configure';
import type { SshTarget } from '../drivers/ssh/connect';
import { HealthChecker } from '../drivers/ssh/health';
import { HostKey } from '../drivers/ssh/host-key';
import { SshPool } from '../drivers/ssh/pool';
import { defaultProfile } from '../drivers/profiles/load';
import { readSecret } from '../drivers/secrets/files';
import { scrub } from './scrub';

/** What the machines of a fleet have in common. */
export interface HostsOptions {
  readonly store: FleetPorts['store'];
  readonly secrets: FleetPorts['secrets'];
  /** Where secrets are that profiles name. */
  readonly secretsDirectory: string;
  /** Networks that replicas may live in. */
  readonly networks: readonly Network[];
  /** The port that agents serve on. */
  readonly agentPort: number;
  /** Base URL of the API as machines reach it; empty when they do not. */
  readonly apiUrl: string;
}

/** Profiles may name secrets whose files begin with this, and no others: who writes a profile is not who may read all. */
const PROFILE_SECRET = /^profile-/;

/** The machines themselves, over SSH, and the agents on them. */
export class MachineHosts implements Hosts {
  private readonly pool = new SshPool();
  private readonly checker = new HealthChecker();
  private shipped: Profile | undefined;

  constructor(private readonly options: HostsOptions) {}

  servesAt(ip: string): string {
    return `${ip}:${this.options.agentPort}`;
  }

  async profile(replica: FleetReplica, gateway: FleetGateway): Promise<ReplicaProfile> {
    const { organizationId, profile: revision } = gateway;
    const profile = await this.revisionOf(organizationId, revision);
    const values = valuesOfReplica(profile, {
      ...{ organizationId, gatewayId: gateway.id, replicaId: replica.id },
      address: addressOf(replica.serves),
      ...{ port: this.options.agentPort, api: this.options.apiUrl },
      replicaSecret: replicaSecretName(replica.id),
    });
    return { revision, profile, values, secrets: await this.secretsOf(profile, values, replica.id) };
  }

  async reach(way: Way, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      // It stays open for what comes next: configuring.
      await this.pool.with(targetOf(way), async () => Promise.resolve(), AbortSignal.any([signal, limit]));
    } catch (error) {
      if (signal.aborted || !limit.aborted) throw error;
      const { user, host, port } = way.ssh;
      throw new Failure(
        'SSH_UNREACHABLE',
        `cannot connect to ${user}@${host}:${port}: no login within ${timeoutMs} ms`,
      );
    }
  }

  async configure(
    way: Way,
    { profile, values, secrets }: ReplicaProfile,
    operationId: string,
    onOutput: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.pool.with(
      targetOf(way),
      (connection) => configure(connection, { profile, values, secrets }, operationId, { scrub, onOutput, signal }),
      signal,
    );
  }

  async health(
    way: Way,
    { profile, values }: ReplicaProfile,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string | null> {
    const subject = { profile, values, serves: addressOf(way.serves), networks: this.options.networks };
    try {
      if (profile.health.kind === 'http') await this.checker.check(subject, timeoutMs, signal);
      else
        await this.pool.with(
          targetOf(way),
          (connection) => this.checker.check({ ...subject, connection }, timeoutMs, signal),
          signal,
        );
      return null;
    } catch (error) {
      if (isFailure(error) && error.retryable) return error.message;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.pool.close(), this.checker.close()]);
  }

  private async revisionOf(organizationId: string, wanted: ProfileRevision): Promise<Profile> {
    if (isSameProfile(wanted, shippedProfile)) return (this.shipped ??= defaultProfile());
    const { name, revision } = wanted;
    const stored = await this.options.store.fleet.profiles.get(organizationId, name, revision);
    if (!stored) throw new Failure('PROFILE_INVALID', `there is no profile ${name} of revision ${revision}`);
    return readProfile(stored.document);
  }

  private async secretsOf(profile: Profile, values: ProfileValues, replicaId: string): Promise<Record<string, string>> {
    const read = async (name: string): Promise<string> => {
      if (name === replicaSecretName(replicaId)) return replicaSecretOf(this.options.secrets, replicaId);
      if (PROFILE_SECRET.test(name)) return await readSecret(this.options.secretsDirectory, name);
      throw new Failure('SECRET_UNAVAILABLE', `a profile may not name the secret ${name}; it must begin with profile-`);
    };
    return Object.fromEntries(
      await Promise.all(
        Object.entries(secretsOf(profile, values)).map(async ([value, name]) => [value, await read(name)] as const),
      ),
    );
  }
}

function targetOf({ ssh, hostPublicKey, privateKey }: Way): SshTarget {
  return { ...ssh, hostKey: HostKey.parse(hostPublicKey), privateKey };
}

/** The address of `ip:port`. */
function addressOf(serves: string | null): string {
  return (serves ?? '').split(':')[0]!;
}
