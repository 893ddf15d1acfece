import { DatabaseKind } from '../../domain/deploy/database';
import { DeploymentState } from '../../domain/deploy/states';
import { rolloutSettingsBody } from '../rollout/bodies';
import { z } from '../zod';
import { knownName, newName, prose } from './names';
import { paging } from './pages';

/*
 * What clients send, by the names of PlanetScale's API. Members that mean nothing here (regions, sizes of clusters) are
 * accepted and left out; members that are ours say so.
 */

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');
const search = z.string().max(255).optional();
const kind = z.enum(Object.values(DatabaseKind) as [DatabaseKind, ...DatabaseKind[]]);
/** Seconds; at most a week. */
const seconds = z
  .int()
  .min(0)
  .max(7 * 24 * 3600);

/** Clients send null, or nothing, for what they do not ask for. */
function asked<S extends z.ZodType>(schema: S) {
  return schema.nullish().transform((value) => value ?? undefined);
}

const databaseSettings = {
  require_approval_for_deploy: asked(z.boolean()),
  allow_foreign_key_constraints: asked(z.boolean()),
  deletion_protected: asked(z.boolean()),
  /** Ours: whether whoever opened a request may approve it. */
  allow_own_approval: asked(z.boolean()),
  /** Ours: how long a deployed request can be reverted. */
  revert_window_seconds: asked(seconds),
  /** Ours: how deploy requests go over several deployments. */
  rollout: asked(rolloutSettingsBody),
};

export const listDatabases = z.object({ ...paging, q: search });
export const createDatabase = z.object({
  ...databaseSettings,
  name: newName,
  kind: kind.nullish().transform((value) => value ?? DatabaseKind.mysql),
  notes: prose.nullish().transform((value) => value ?? ''),
  default_branch: asked(newName),
  /** Ours: a schema that is there already, on the server whose URL the named secret holds. */
  adopt: asked(
    z.strictObject({
      server: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be the name of a secret'),
      schema: z.string().regex(/^[A-Za-z0-9_$-]{1,63}$/, 'must be the name of a schema'),
    }),
  ),
});
export const updateDatabase = z.object({
  ...databaseSettings,
  new_name: asked(newName),
  default_branch: asked(knownName),
  notes: asked(prose),
});

export const listBranches = z.object({
  ...paging,
  q: search,
  production: flag.optional(),
  safe_migrations: flag.optional(),
  order: z.enum(['asc', 'desc']).optional(),
});
export const createBranch = z.object({
  name: newName,
  parent_branch: asked(knownName),
});
export const deleteBranch = z.object({ delete_descendants: flag.optional() });
export const branchSchema = z.object({ keyspace: search, namespace: search });

const role = z.enum(['reader', 'writer', 'admin', 'readwriter']);
export const createPassword = z.object({
  name: asked(prose.max(255)),
  role: role.nullish().transform((value) => value ?? 'admin'),
  ttl: asked(
    z
      .int()
      .min(0)
      .max(10 * 365 * 24 * 3600),
  ),
});

const range = z
  .string()
  .max(100)
  .regex(/^(?!\.\.$)[0-9T:.Z+-]*\.\.[0-9T:.Z+-]*$/, 'must be two times with two points between');
export const listRequests = z.object({
  ...paging,
  state: z.enum(['open', 'closed', 'deployed']).optional(),
  branch: knownName.optional(),
  into_branch: knownName.optional(),
  deployed_at: range.optional(),
  running_at: range.optional(),
});
/** The name of a table or a column, as the server has it. */
const part = prose.min(1).max(255);
export const createRequest = z.object({
  branch: knownName,
  into_branch: asked(knownName),
  notes: prose.nullish().transform((value) => value ?? ''),
  auto_cutover: asked(z.boolean()),
  auto_delete_branch: asked(z.boolean()),
  /** Ours: columns of the target that have another name in the branch, and keep their values. */
  renames: asked(z.array(z.strictObject({ table: part, from: part, to: part })).max(100)),
});
/** Ours: answers with what the request would do, and opens none. */
export const dryRun = z.object({ dry_run: flag.optional() });
export const showRequest = z.object({
  /** Ours: states, between commas, one of which is waited for. */
  wait: z
    .string()
    .max(500)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(Object.values(DeploymentState) as [DeploymentState, ...DeploymentState[]])))
    .optional(),
});
export const closeRequest = z.object({ state: z.literal('closed', 'must be closed') });
export const deploy = z.object({
  instant_ddl: asked(z.boolean()),
  /** How several deployments are gone over: one whole after the other, or all made ready first. */
  strategy: asked(z.enum(['serial', 'parallel'])),
});
/** Ours: whether what a revert loses is accepted. */
export const revert = z.object({ accept_losses: asked(z.boolean()) });
export const enable = z.object({ enable: z.boolean() });
export const review = z.object({
  state: z
    .enum(['commented', 'approved'])
    .nullish()
    .transform((value) => value ?? 'commented'),
  body: prose.nullish().transform((value) => value ?? ''),
});

const percent = z.number('must be a number');
const configuration = z.object({ keyspace_name: knownName, ratio: percent });
/** The document says that these are strings, and shows objects: both are taken. */
const written = z
  .string()
  .max(1_000)
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue('must be JSON');
      return z.NEVER;
    }
  })
  .pipe(configuration);
export const throttler = z.object({
  ratio: asked(percent),
  configurations: asked(z.array(z.union([configuration, written])).max(100)),
});
/** What both of {@link createDatabase} and {@link updateDatabase} set. */
export type DatabaseSettingsBody = Pick<z.infer<typeof updateDatabase>, keyof typeof databaseSettings>;
export type ThrottlerBody = z.infer<typeof throttler>;
/** The dialect of SchemaBot. */
export const throttle = z.object({ throttle_ratio: z.number() });

export const createWebhook = z.object({
  url: z.string().min(1).max(2_000),
  enabled: asked(z.boolean()),
  events: asked(z.array(z.string().max(100)).max(100)),
});
export const updateWebhook = z.object({
  url: asked(z.string().min(1).max(2_000)),
  enabled: asked(z.boolean()),
  events: asked(z.array(z.string().max(100)).max(100)),
});
