import { z } from 'zod';
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

const cidr = z.string().refine((text) => succeeds(() => network(text)), 'not an IPv4 network as in 10.0.0.0/8');
const port = z.int().min(1).max(65_535);

const schema: z.ZodType<AwsSettings> = z.strictObject({
  regions: z
    .record(
      z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]+$/, 'not a region’s name'),
      z.strictObject({ imageId: z.string().min(1), subnetId: z.string().min(1) }),
    )
    .refine((regions) => Object.keys(regions).length > 0, 'needs at least one region'),
  instanceType: z.string().min(1),
  sshUser: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'not a user’s name'),
  sshPort: port.optional(),
  sshCidrs: z.array(cidr).min(1),
  agentPort: port,
  edgeCidrs: z.array(cidr).min(1),
  spot: z.boolean().optional(),
  serves: z.enum(['public', 'private']).optional(),
  rootDevice: z.string().startsWith('/dev/').optional(),
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  clientToken: z.boolean().optional(),
  readLagMs: z.int().min(0).optional(),
  pageSize: z.int().min(5).max(1_000).optional(),
  timeoutMs: z.int().min(1).optional(),
});

/**
 * Reads settings, so that a mistake is found out before the first machine; what is not known is refused, a key that was
 * mistyped or a credential above all.
 * @throws Failure INVALID_INPUT naming what is wrong, without its value.
 */
export function readAwsSettings(value: unknown): AwsSettings {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const wrong = result.error.issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`);
  throw new Failure('INVALID_INPUT', `the aws backend’s options: ${wrong.join('; ').slice(0, 500)}`);
}

function succeeds(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
