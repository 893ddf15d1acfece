import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import type { FleetGateway, FleetReplica, ProfileRevision } from '../../../domain/fleet/gateway';
import type { Profile } from '../../../domain/fleet/profile';
import type { Hosts, ReplicaProfile, Way } from '../../../activities/fleet/hosts';

const profile: Profile = {
  name: 'default',
  values: {},
  files: [],
  scripts: [],
  health: { kind: 'http', port: 8190, path: '/health', expect: { status: 200 } },
};

/** Machines that do what they are told at once, unless a test says otherwise. */
export class FakeHosts implements Hosts {
  /** Addresses (`ip:port`) that do not answer health checks. */
  readonly sick = new Set<string>();
  reached = 0;
  readonly configured: string[] = [];
  /** Which revision each address was given, in order, with the operation's id. */
  readonly given: { readonly serves: string; readonly revision: ProfileRevision; readonly operationId: string }[] = [];
  /** Called in place of configuring, with what is given to whom. */
  onGive: (revision: ProfileRevision, serves: string, signal: AbortSignal) => Promise<void> = async () => {};
  /** Called in place of connecting. */
  onReach: (signal: AbortSignal) => Promise<void> = async () => {};
  /** Called in place of configuring. */
  onConfigure: (signal: AbortSignal) => Promise<void> = async () => {};

  constructor(private readonly latencyMs = 0) {}

  servesAt(ip: string): string {
    return `${ip}:8190`;
  }

  async profile(_replica: FleetReplica, gateway: FleetGateway): Promise<ReplicaProfile> {
    return await Promise.resolve({ revision: gateway.profile, profile, values: {}, secrets: {} });
  }

  async reach(_way: Way, _timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.reached++;
    await sleep(this.latencyMs);
    await this.onReach(signal);
  }

  async configure(
    way: Way,
    { revision }: ReplicaProfile,
    operationId: string,
    onOutput: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await sleep(this.latencyMs);
    onOutput(`configuring ${way.serves}`);
    await this.onConfigure(signal);
    await this.onGive(revision, way.serves, signal);
    this.given.push({ serves: way.serves, revision, operationId });
    this.configured.push(operationId);
  }

  async health({ serves }: Way): Promise<string | null> {
    return await Promise.resolve(this.sick.has(serves) ? `${serves}: no answer` : null);
  }
}

/** Waits until it is cancelled, as a connection to a machine that never answers. */
export async function never(signal: AbortSignal): Promise<void> {
  await new Promise<void>((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** A connection that is refused. */
export async function refused(): Promise<void> {
  return await Promise.reject(new Failure('SSH_UNREACHABLE', 'connect ECONNREFUSED'));
}
