import { z } from 'zod';
import { contains, ipv4, network } from '../../../domain/address';
import { Failure } from '../../../domain/failures';
import type { DockerSettings } from './docker';

/** Addresses that a network has to have, so that two tokens hardly ever fall on the same one. */
const LARGE_BITS = 16;

const port = z.int().min(1).max(65_535);
const loopback = z
  .string()
  .regex(/^127(\.[0-9]{1,3}){3}$/, 'must be a loopback address: the engine is on this machine');

const addresses = z.string().superRefine((text, context) => {
  const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
  try {
    const { base, bits } = network(text);
    if (!contains({ base: ipv4('127.0.0.0'), bits: 8 }, base) || bits < 8) refuse(`${text} is not below 127.0.0.0/8`);
    else if (bits > LARGE_BITS) refuse(`${text} is too small: /${LARGE_BITS} or larger, as in 127.32.0.0/11`);
  } catch (error) {
    refuse((error as Error).message);
  }
});

const schema: z.ZodType<DockerSettings> = z.strictObject({
  engine: z.union([
    z.strictObject({ socketPath: z.string().regex(/^\/[^\0]{1,106}$/, 'must be the absolute path of a socket') }),
    z.strictObject({ host: loopback, port }),
  ]),
  image: z
    .string()
    .max(255)
    .regex(/^[a-z0-9][a-z0-9._/:-]*(@sha256:[0-9a-f]{64})?$/, 'must be the name of an image'),
  region: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens'),
  addresses,
  sshPort: port,
});

/**
 * Reads the options of the `docker` backend.
 * @throws Failure INVALID_INPUT naming every member that is wrong.
 */
export function readDockerSettings(options: unknown): DockerSettings {
  const result = schema.safeParse(options ?? {});
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => `  ${path.join('.') || 'the whole'}: ${message}`);
  throw new Failure('INVALID_INPUT', `the options of the docker backend are not right:\n${lines.join('\n')}`);
}
