import { GatewayState, ReplicaState } from '../../domain/fleet/lifecycle';
import { PlanAction } from '../../domain/fleet/plan';
import { runId, time, uuid } from '../schemas';
import { z } from '../zod';

/** The name of a gateway or profile in a path. */
export const fleetName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{1,40}$/, 'must be 2 to 41 lower-case letters, digits and hyphens, beginning with a letter')
  .openapi({ example: 'edge' });

/** The number of a replica in a path. */
export const replicaNum = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,3})$/, 'must be the number of a replica')
  .openapi({ type: 'integer', minimum: 0 });

/** What a team declares; each member's own rules are those of domain/fleet/configuration.ts. */
const declared = {
  type: z.literal('gateway').optional(),
  name: z.string().optional(),
  default: z.boolean().nullable().optional().openapi({ description: 'null: if there is none yet.' }),
  backend: z.string().openapi({ example: 'docker' }),
  region: z.string().openapi({ example: 'local' }),
  instance_type: z.string().nullable().optional(),
  domain: z.string().nullable().optional(),
  public_ip: z.boolean().optional(),
  certificate: z
    .strictObject({ type: z.enum(['lets-encrypt', 'acm']), arn: z.string().optional() })
    .nullable()
    .optional(),
  replicas: z.number().int().min(1).optional(),
  tags: z.record(z.string(), z.string()).nullable().optional(),
  profile: z.string().nullable().optional().openapi({ description: 'null: the default one.' }),
};

export const configurationBody = z.strictObject(declared).openapi('GatewayConfiguration');

const configurationSchema = z.looseObject({ name: z.string() }).openapi('StoredGatewayConfiguration', {
  description: 'Every member of GatewayConfiguration, with what was left out filled in.',
});

const revision = z.object({ name: z.string(), revision: z.number().int() }).openapi('ProfileRevision');

const condition = z
  .object({
    type: z.enum(['Ready', 'ReplicasReady', 'ProfileApplied', 'ScaleOutGivenUp', 'Deleting']),
    status: z.enum(['True', 'False']),
    reason: z.string(),
    message: z.string(),
    since: time,
  })
  .openapi('Condition');

export const gatewayReplicaSchema = z
  .object({
    id: uuid,
    num: z.number().int(),
    generation: z.number().int(),
    name: z.string(),
    state: z.enum(Object.values(ReplicaState) as [ReplicaState, ...ReplicaState[]]),
    status_message: z.string().nullable(),
    backend: z.string(),
    region: z.string(),
    instance_id: z.string().nullable(),
    ssh: z.object({ host: z.string(), port: z.number().int(), user: z.string() }).nullable(),
    host_key: z.string().nullable(),
    address: z.string().nullable(),
    scale_in: z.boolean(),
    connect_attempts: z.number().int(),
    health_failures: z.number().int(),
    applied_profile: revision.nullable().openapi({ description: 'null until it has one, and while it gets another.' }),
    rollout: runId.nullable().openapi({ description: 'The run that is giving it another revision of its profile.' }),
    runs: z
      .object({ provision: runId, retire: runId })
      .openapi({ description: 'Its runs as GET /runs/{id} knows them; one that has not begun is 404.' }),
    created_at: time,
    running_at: time.nullable(),
    terminated_at: time.nullable(),
    resource_version: z.number().int(),
  })
  .openapi('GatewayReplica');

export const gatewaySchema = z
  .object({
    id: uuid,
    organization_id: uuid,
    name: z.string(),
    configuration: configurationSchema,
    state: z.enum(Object.values(GatewayState) as [GatewayState, ...GatewayState[]]),
    status_message: z.string().nullable(),
    default: z.boolean(),
    wildcard_domain: z.string().nullable(),
    desired_replicas: z.number().int(),
    profile: revision,
    rollout: z
      .object({ run: runId, from: revision })
      .openapi('GatewayRollout')
      .nullable()
      .openapi({ description: 'The change of its profile that can still be taken back, by cancelling its run.' }),
    scale_attempt: z.number().int(),
    last_scale_attempt_at: time.nullable(),
    deletion_marked_at: time.nullable(),
    created_at: time,
    last_update_at: time.nullable(),
    conditions: z.array(condition),
    replicas: z.array(gatewayReplicaSchema).openapi({ description: 'Those that are not terminated.' }),
    resource_version: z.number().int(),
  })
  .openapi('Gateway');

export const planSchema = z
  .object({
    action: z.enum(Object.values(PlanAction) as [PlanAction, ...PlanAction[]]),
    no_changes: z.boolean(),
    changes: z.array(
      z
        .object({ field: z.string(), from: z.unknown(), to: z.unknown(), in_place: z.boolean() })
        .openapi('GatewayChange'),
    ),
    configuration: configurationSchema,
    resource_version: z
      .number()
      .int()
      .nullable()
      .openapi({ description: 'Of the gateway that is there, for If-Match; null when there is none.' }),
  })
  .openapi('GatewayPlan');

export const fleetEventSchema = z
  .object({
    seq: z.number().int(),
    id: uuid,
    organization_id: uuid,
    gateway_id: uuid,
    replica_id: uuid.nullable(),
    message: z.string(),
    recorded_at: time,
    targets: z.array(z.object({ type: z.string(), id: z.string(), name: z.string() })),
    actor: z.string().nullable(),
  })
  .openapi('FleetEvent');

export const profileSchema = z
  .object({
    name: z.string(),
    revision: z.number().int(),
    document: z.unknown().openapi({ description: 'The specification as it was given.' }),
    created_at: time,
  })
  .openapi('Profile');
