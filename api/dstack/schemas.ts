import { z } from '../zod';

/*
 * The bodies of dstack's calls, as strict as its own server reads them: what is missing, of another type or not known is
 * 422. What the values may be is the commands' to say, with 400 and a message that clients show.
 */

const id = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be a UUID');
const time = z.iso.datetime({ offset: true, local: true });

/** A `type: gateway` configuration. `router` was dropped in 0.21; older clients send it as null. */
const configuration = z.strictObject({
  type: z.literal('gateway').optional(),
  name: z.string().nullish(),
  default: z.boolean().nullish(),
  backend: z.string(),
  region: z.string(),
  instance_type: z.string().min(1).nullish(),
  router: z.null().optional(),
  domain: z.string().nullish(),
  public_ip: z.boolean().optional(),
  load_balancer: z.strictObject({ type: z.literal('alb').optional() }).nullish(),
  certificate: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('lets-encrypt') }),
      z.strictObject({ type: z.literal('acm'), arn: z.string() }),
      z.strictObject({ type: z.literal('gcp-cm'), name: z.string() }),
    ])
    .nullish(),
  replicas: z.number().int().min(1).nullish(),
  tags: z.record(z.string(), z.string()).nullish(),
});
export type GivenConfiguration = z.infer<typeof configuration>;

const spec = z.strictObject({ configuration, configuration_path: z.string().nullish() });
export type GivenSpec = z.infer<typeof spec>;

/** The gateway of the plan, as the client gives it back: of it, only what says which one and what state it was. */
const currentResource = z.looseObject({
  id,
  instance_id: z.string().nullish(),
  configuration: z.looseObject({ default: z.boolean().nullish() }),
});
export type GivenResource = z.infer<typeof currentResource>;

export const listBody = z.strictObject({ include_imported: z.boolean().optional() }).optional();
export const getBody = z.strictObject({ name: z.string() });
export const planBody = z.strictObject({ spec });
export const applyBody = z.strictObject({
  plan: z.strictObject({ spec, current_resource: currentResource.nullish() }),
  force: z.boolean().default(false),
});
export const createBody = z.strictObject({ configuration });
export const deleteBody = z.strictObject({ names: z.array(z.string()).max(1_000) });
export const setDefaultBody = z.strictObject({
  name: z.string(),
  gateway_project: z.string().nullable().default(null),
});
export const setWildcardDomainBody = z.strictObject({ name: z.string(), wildcard_domain: z.string().nullable() });
/** Calls whose body nobody reads. */
export const anyBody = z.unknown();

/** Clients send null for what they do not ask for. */
function asked<S extends z.ZodType>(schema: S) {
  return schema.nullish().transform((value) => value ?? undefined);
}

const ids = asked(z.array(id).min(1).max(16));

/** Filters that name things which are not here: with one of them there are no events. */
const foreign = {
  target_users: ids,
  target_fleets: ids,
  target_instances: ids,
  target_runs: ids,
  target_jobs: ids,
  target_volumes: ids,
  target_secrets: ids,
  target_presets: ids,
  within_fleets: ids,
  within_runs: ids,
};
export const foreignFilters = Object.keys(foreign) as (keyof typeof foreign)[];

export const eventsBody = z
  .strictObject({
    ...foreign,
    target_projects: ids,
    target_gateways: ids,
    within_projects: ids,
    within_gateways: ids,
    include_target_types: asked(z.array(z.string()).min(1).max(16)),
    actors: asked(z.array(id.nullable()).min(1).max(16)),
    prev_recorded_at: asked(time),
    prev_id: asked(id),
    limit: z.number().int().min(1).max(100).default(100),
    ascending: z.boolean().default(false),
  })
  .refine((body) => one(body, 'target_') && one(body, 'within_'), {
    message: 'At most one target_* and one within_* filter can be set at a time',
  });
export type EventsBody = z.infer<typeof eventsBody>;

function one(body: Readonly<Record<string, unknown>>, prefix: string): boolean {
  return Object.entries(body).filter(([name, value]) => name.startsWith(prefix) && value !== undefined).length <= 1;
}
