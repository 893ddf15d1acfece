import { network } from '../../../domain/address';
import { Failure } from '../../../domain/failures';

/** Where machines of one AWS region are put. */
export interface AwsRegion {
  /** An image with cloud-init and sshd (`ami-...`). */
  readonly imageId: string;
  /** Its VPC must let our workers and edges reach the machines. */
  readonly subnetId: string;
}

/**
 * What the `aws` backend is told. There are no credentials here: they come from the SDK's default chain (environment,
 * shared profile, web identity, instance role), so that they stand in no settings file.
 */
export interface AwsSettings {
  /** By the region's name; machines are looked for in all of them. */
  readonly regions: Readonly<Record<string, AwsRegion>>;
  /** For specifications that name none, as in `t3.small`. */
  readonly instanceType: string;
  /** The image's login user, as in `admin` (Debian) or `ubuntu`. */
  readonly sshUser: string;
  /** Where the image's sshd listens; 22 unless told. */
  readonly sshPort?: number;
  /** IPv4 networks of our workers: nobody else reaches sshd. */
  readonly sshCidrs: readonly string[];
  /** The port that the gateway agent serves on. */
  readonly agentPort: number;
  /** IPv4 networks of the edges: nobody else reaches the agent. */
  readonly edgeCidrs: readonly string[];
  /** Whether machines are bought as spot instances, which AWS may take back; false unless told. */
  readonly spot?: boolean;
  /** Which of a machine's addresses edges use; the one that SSH uses unless told. */
  readonly serves?: 'public' | 'private';
  /** The image's root device, as in `/dev/xvda`; names it so that its volume certainly goes with the machine. */
  readonly rootDevice?: string;
  /** Base URL of another EC2 than AWS's. */
  readonly endpoint?: string;
  /** Whether the endpoint honours ClientToken; true unless told, as AWS's does. */
  readonly clientToken?: boolean;
  /** Milliseconds for which reads may lag behind; {@link READ_LAG_MS} unless told. */
  readonly readLagMs?: number;
  /** Machines per page of an answer, 5 to 1,000 (the default). */
  readonly pageSize?: number;
  /** Milliseconds for one call; 20,000 unless told. */
  readonly timeoutMs?: number;
}

/**
 * AWS calls its reads eventually consistent and names no bound; 5 s are seen in practice, and waiting longer costs only
 * where an answer was lost.
 */
export const READ_LAG_MS = 10_000;

/**
 * Checks what would otherwise be found out at the first machine.
 * @throws Failure INVALID_INPUT, ADDRESS_REFUSED
 */
export function checkAwsSettings(settings: AwsSettings): AwsSettings {
  if (Object.keys(settings.regions).length === 0)
    throw new Failure('INVALID_INPUT', 'the aws backend needs at least one region');
  for (const which of ['sshCidrs', 'edgeCidrs'] as const) {
    if (settings[which].length === 0)
      throw new Failure('INVALID_INPUT', `the aws backend needs at least one network in ${which}`);
    settings[which].forEach(network);
  }
  return settings;
}
