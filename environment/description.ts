import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ipv4, network } from '../domain/address';
import { defaultDeployPolicy, type DeployPolicy } from '../domain/deploy/states';
import { defaultFleetPolicy, type FleetPolicy } from '../domain/fleet/policy';
import { hostname } from '../domain/hostname';
import { ComponentFailed } from './process';

/** Takes a domain reader (that throws a Failure with a sentence) as the check of a string. */
function read(reader: (value: string) => unknown): z.ZodType<string> {
  return z.string().superRefine((value, context) => {
    try {
      reader(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });
}

const loopback = read((value) => {
  ipv4(value);
  if (!value.startsWith('127.')) throw new Error(`${value} is not a loopback address (127.x.y.z)`);
});
const port = z
  .unknown()
  .refine((value) => value === 'auto' || (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65535), {
    error: 'must be a port (1 to 65535) or auto',
  })
  .transform((value) => (value === 'auto' ? 0 : Number(value)));
const milliseconds = z.number().int().positive();
const times = z.number().int().positive();
const placement = z.enum(['local', 'regular']);
const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens');

/** A part of a fleet's policy; what is not said is as domain/fleet/policy.ts has it. */
const fleetPolicy = z
  .strictObject({
    maxReplicas: times,
    scaleOutDelaysMs: z.array(milliseconds).min(1),
    scaleOutAttempts: times,
    steadyMs: milliseconds,
    heldLookMs: milliseconds,
    cloudTimeoutMs: milliseconds,
    createAttempts: times,
    addressDeadlineMs: milliseconds,
    machineLookMs: milliseconds,
    connectAttempts: times,
    connectTimeoutMs: milliseconds,
    connectIntervalMs: milliseconds,
    connectMaxIntervalMs: milliseconds,
    configureDeadlineMs: milliseconds,
    healthyDeadlineMs: milliseconds,
    healthIntervalMs: milliseconds,
    healthTimeoutMs: milliseconds,
    healthFailures: times,
    drainMs: z.number().int().min(0),
    rolloutRevertMs: z.number().int().min(0),
    goneDeadlineMs: milliseconds,
    sweepIntervalMs: milliseconds,
    sweepGraceMs: z.number().int().min(0),
  } satisfies Record<keyof FleetPolicy, z.ZodType>)
  .partial()
  .transform((policy): FleetPolicy => ({ ...defaultFleetPolicy, ...policy }));

/** A part of the policy of deploy requests likewise. */
const deployPolicy = z
  .strictObject({
    checkMs: milliseconds,
    submitMs: milliseconds,
    cutoverMs: milliseconds,
    revertWindowMs: milliseconds,
    cancelMs: milliseconds,
  } satisfies Record<keyof DeployPolicy, z.ZodType>)
  .partial()
  .transform((policy): DeployPolicy => ({ ...defaultDeployPolicy, ...policy }));

const schema = z.strictObject({
  temporal: z.strictObject({
    ip: loopback,
    port,
    uiPort: port,
    namespace: name,
    database: z.string().min(1),
    sqlitePragmas: z.record(z.string(), z.string()),
    searchAttributes: z.record(
      z.string(),
      z.enum(['Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList']),
    ),
    dynamicConfig: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
    gogc: z.number().int().min(10).max(1000),
  }),
  store: z.strictObject({ database: z.string().min(1) }),
  edges: z
    .array(z.strictObject({ name, ip: loopback, port }))
    .min(1)
    .refine((edges) => new Set(edges.map((edge) => edge.name)).size === edges.length, 'two edges have the same name'),
  zone: z.strictObject({
    name: read(hostname),
    dnsPort: port,
    apiPort: port,
    ttl: z.number().int().min(1).max(86_400),
  }),
  agents: z.strictObject({ count: z.number().int().min(0).max(200), ip: loopback, port }),
  api: z.strictObject({ host: loopback, port, rateLimit: z.number().int().positive(), waitMs: milliseconds }),
  networks: z.strictObject({ gateways: z.array(read(network)).min(1), webhooks: z.array(read(network)) }),
  fleet: z.strictObject({
    machines: z.enum(['auto', 'hosts', 'none']),
    hosts: z.number().int().min(0).max(200),
    agentPort: port,
    demo: z.strictObject({ name, replicas: z.number().int().min(1).max(9) }),
    policy: fleetPolicy,
  }),
  databases: z
    .strictObject({ mariadb: z.strictObject({ port }), postgresql: z.strictObject({ port }), policy: deployPolicy })
    .optional(),
  policy: z.strictObject({
    stepTimeoutMs: milliseconds,
    stepAttempts: z.number().int().positive(),
    retryIntervalMs: milliseconds,
    undoAttempts: z.number().int().positive(),
    historyEvents: z.number().int().positive().optional(),
    edgeDeadlineMs: milliseconds,
    attentionDeadlineMs: milliseconds,
  }),
  placements: z.strictObject({ store: placement, dns: placement, handshake: placement }),
});

/** The environment as temporal-dev.yaml describes it; a port that is `auto` there is 0 here. */
export type Description = z.output<typeof schema>;

/**
 * Reads a description from the text of a YAML file.
 * @param file the name that messages give it.
 * @throws ComponentFailed naming every key that is wrong.
 */
export function parseDescription(text: string, file = 'temporal-dev.yaml'): Description {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new ComponentFailed(`${file} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => `  ${path.join('.') || '(the whole)'}: ${message}`);
  throw new ComponentFailed(`${file} is not right:\n${lines.join('\n')}`);
}

/** The repository's own description. */
export function defaultDescriptionFile(): string {
  const candidates = [join(__dirname, '..'), join(__dirname, '..', '..')].map((root) =>
    join(root, 'temporal-dev.yaml'),
  );
  return candidates.find((file) => existsSync(file)) ?? candidates[0]!;
}

/**
 * Reads the description of an environment.
 * @throws ComponentFailed naming the file, and the keys that are wrong.
 */
export function readDescription(file = defaultDescriptionFile()): Description {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ComponentFailed(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return parseDescription(text, file);
}

/** A copy in which every port is chosen at the start, so that several environments can run side by side. */
export function withAutoPorts(description: Description): Description {
  return {
    ...description,
    temporal: { ...description.temporal, port: 0, uiPort: 0 },
    edges: description.edges.map((edge) => ({ ...edge, port: 0 })),
    zone: { ...description.zone, dnsPort: 0, apiPort: 0 },
    agents: { ...description.agents, port: 0 },
    fleet: { ...description.fleet, agentPort: 0 },
    api: { ...description.api, port: 0 },
    databases: description.databases && {
      ...description.databases,
      mariadb: { port: 0 },
      postgresql: { port: 0 },
    },
  };
}

/** A copy without servers of databases, and so without databases and deploy requests. */
export function withoutDatabases(description: Description): Description {
  return { ...description, databases: undefined };
}

/** A copy without machines: its pool has the agents alone. */
export function withoutMachines(description: Description): Description {
  return { ...description, fleet: { ...description.fleet, machines: 'none' } };
}
