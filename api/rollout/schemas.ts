import { plainText } from '../../domain/plain-text';
import { OperationState } from '../../domain/deploy/request';
import { ApplyState } from '../../domain/rollout/states';
import { Wanted } from '../../domain/rollout/apply';
import { failureView, nextPageToken, runId, time, uuid } from '../schemas';
import { z } from '../zod';

const states = Object.values(ApplyState) as [ApplyState, ...ApplyState[]];

/** The state of an apply or of an operation. */
export const applyState = z.enum(states);

/** The name of a database in a path. */
export const databaseName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be the name of a database')
  .openapi({ example: 'shop' });

/** An apply in a path: its id, or its number, which is that of its deploy request. */
export const applyKey = z
  .string()
  .regex(/^([1-9][0-9]{0,8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/, 'must be the id or the number of an apply')
  .openapi({ example: '7' });

/** Why somebody does something out of the ordinary; shown to others as it is. */
export const reason = z
  .string()
  .min(1)
  .max(1_000)
  .refine((text) => text.trim() !== '' && plainText(text) === text, 'must be words in one line');

/** The name of a deployment or of an environment. */
export const placeName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1 to 63 lower-case letters, digits, points, hyphens and underscores')
  .openapi({ example: 'eu-1' });

/** How people set rollouts of a database; what is left out stays as it is. */
export const rolloutSettingsBody = z
  .strictObject({
    environments: z
      .array(placeName)
      .max(100)
      .refine((names) => new Set(names).size === names.length, 'names an environment twice')
      .optional()
      .openapi({ description: 'The first to be changed first; none where they are not kept apart.' }),
    on_failure: z.enum(['halt', 'continue', 'pause']).optional(),
    cutover: z.enum(['sequential', 'barrier']).optional().openapi({
      description: 'Whether each deployment goes live before the next begins, or all are made ready first.',
    }),
    copies: z.int().min(1).max(1_000).optional().openapi({ description: 'How many copy at once under a barrier.' }),
    revert_together: z.boolean().optional(),
  })
  .openapi('RolloutSettingsBody');
export type RolloutSettingsBody = z.infer<typeof rolloutSettingsBody>;

export const rolloutSettingsSchema = z
  .object({
    environments: z.array(z.string()),
    on_failure: z.enum(['halt', 'continue', 'pause']),
    cutover: z.enum(['sequential', 'barrier']),
    copies: z.int(),
    revert_together: z.boolean(),
  })
  .openapi('RolloutSettings');

export const deploymentSchema = z
  .object({
    id: uuid,
    name: z.string(),
    environment: z.string(),
    server: z.string().openapi({ description: 'The name of the secret that holds the URL of its server.' }),
    schema: z.string(),
    position: z.int().openapi({ description: 'Its place among the others of its environment; the first one has 0.' }),
    created_at: time,
    resource_version: z.int(),
  })
  .openapi('Deployment');

/** One table's share of an operation. */
const task = z
  .object({
    id: z.string(),
    table: z.string(),
    kind: z.string(),
    ddl: z.string(),
    way: z.string(),
    because: z.string(),
    state: z.enum(Object.values(OperationState) as [OperationState, ...OperationState[]]),
    can_drop_data: z.boolean(),
    percent: z.number(),
    rows_copied: z.number(),
    rows_per_second: z.number(),
    eta_seconds: z.number().nullable(),
    throttled_by: z.string().nullable(),
    throttled_at: time.nullable(),
    error: z.string().nullable(),
    updated_at: time,
  })
  .openapi('ApplyTask');

/** How far it is, by the rows of its tables. */
const pace = {
  percent: z.number().openapi({ description: '0 to 100, by the tables that are copied.' }),
  rows_copied: z.number(),
  rows_per_second: z.number(),
  eta_seconds: z.number().nullable().openapi({ description: 'null where nobody can say.' }),
  throttled_by: z.string().nullable(),
};

/** An operation as lists and progress show it. */
const operationShape = {
  id: z.string(),
  deployment_id: z.string(),
  deployment: z.string(),
  environment: z.string(),
  position: z.int(),
  state: applyState,
  says: z.string().openapi({ description: 'The state in a sentence.' }),
  waits: z.string().nullable().openapi({ description: 'Why it does not go on; null while it does.' }),
  error: failureView.extend({ code: z.string().nullable() }).nullable(),
  ...pace,
  attempts: z.int(),
  started_at: time.nullable(),
  cut_over_at: time.nullable(),
  completed_at: time.nullable(),
};

/** A row that nobody can read: it is blamed, and in nobody's way but the apply's. */
const unreadable = z
  .object({ id: z.string(), unreadable: z.string().openapi({ description: 'What is wrong with its row.' }) })
  .openapi('UnreadableOperation');

export const operationSummarySchema = z
  .union([z.object(operationShape).openapi('ApplyOperationSummary'), unreadable])
  .openapi('ApplyOperationOrUnreadable');

export const operationSchema = z
  .union([
    z
      .object({
        ...operationShape,
        server: z.string(),
        schema: z.string(),
        on_failure: z.enum(['halt', 'continue', 'pause']),
        released: z.boolean(),
        epoch: z.int(),
        worker: z.enum(['none', 'claimed', 'alive', 'lost']),
        wanted: z.enum(Object.values(Wanted) as [Wanted, ...Wanted[]]).nullable(),
        run_id: runId.nullable().openapi({ description: 'null before it was begun.' }),
        resource_version: z.int(),
        tasks: z.array(task),
      })
      .openapi('ApplyOperation'),
    unreadable,
  ])
  .openapi('ApplyOperationDetail');

const gate = z
  .object({
    environment: z.string(),
    open: z.boolean(),
    reason: z.string(),
    override: z.object({ by: z.string(), reason: z.string(), at: time }).nullable(),
  })
  .openapi('EnvironmentGate');

/** What can be done with an apply, by the last word of the route. */
export const ApplyVerb = {
  stop: 'stop',
  start: 'start',
  pause: 'pause',
  release: 'release',
  cutover: 'cutover',
  cancel: 'cancel',
  revert: 'revert',
  skipRevert: 'skip-revert',
  volume: 'volume',
  override: 'override',
  retry: 'retry',
} as const;
export type ApplyVerb = (typeof ApplyVerb)[keyof typeof ApplyVerb];

const whoAsked = z.string().nullable().openapi({ description: 'Who asked; null where nobody did, or it is done.' });

const applyShape = {
  id: z.string(),
  number: z.int().openapi({ description: 'That of its deploy request.' }),
  deploy_request: z.int(),
  database: z.string(),
  run_id: runId,
  state: applyState,
  says: z.string(),
  determined: z.boolean().openapi({
    description: 'Whether the state was found from all operations, rather than kept from before.',
  }),
  blamed: z
    .array(z.object({ operation: z.string(), reason: z.string() }))
    .openapi({ description: 'The rows that are in the way of the truth.' }),
  strategy: z.enum(['serial', 'parallel']).openapi({ description: 'The same as `cutover`, in PlanetScale’s words.' }),
  cutover: z.enum(['sequential', 'barrier']),
  copies: z.int(),
  on_failure: z.enum(['halt', 'continue', 'pause']),
  revert_together: z.boolean(),
  environments: z.array(z.string()),
  gates: z.array(gate),
  deferred: z.boolean().openapi({ description: 'Whether somebody has to say when it cuts over, and nobody has.' }),
  paused: z.boolean(),
  stopping: z.boolean(),
  asked: z.object({
    stop: whoAsked,
    pause: whoAsked,
    cut_over: whoAsked,
    cancel: whoAsked,
    revert: whoAsked,
    skip_revert: whoAsked,
  }),
  throttle_ratio: z.number(),
  operations_total: z.int(),
  operations_by_state: z.record(z.string(), z.int()).openapi({ description: '`unreadable` counts rows that are.' }),
  waits: z
    .array(z.object({ operation: z.string(), deployment: z.string(), because: z.string() }))
    .openapi({ description: 'Why operations do not go on; at most 100 of them.' }),
  error: z.string().nullable(),
  started_at: time.nullable(),
  completed_at: time.nullable(),
  revert_window_ends_at: time.nullable(),
  created_at: time,
  updated_at: time,
  resource_version: z.int(),
  allowed: z.array(z.enum(Object.values(ApplyVerb) as [ApplyVerb, ...ApplyVerb[]])),
};

export const applySchema = z.object(applyShape).openapi('Apply', {
  description: 'The deploy of one request over several deployments.',
});

export const stoppedSchema = z
  .object({
    ...applyShape,
    stopped_count: z.int().openapi({ description: 'Operations that rest, or will in a moment.' }),
    skipped_count: z.int().openapi({ description: 'Operations that are live already, or over.' }),
  })
  .openapi('ApplyStopped');

export const startedSchema = z
  .object({ ...applyShape, started_count: z.int(), skipped_count: z.int() })
  .openapi('ApplyStarted');

export const releasedSchema = z.object({ ...applyShape, released_count: z.int() }).openapi('ApplyReleased');

export const applyPageSchema = z
  .object({ applies: z.array(applySchema), total: z.int(), next_page_token: nextPageToken })
  .openapi('ApplyPage');

export const operationsSchema = z.object({ operations: z.array(operationSummarySchema) }).openapi('ApplyOperations');

export const progressSchema = z
  .object({
    id: z.string(),
    number: z.int(),
    state: applyState,
    says: z.string(),
    determined: z.boolean(),
    ...pace,
    operations_total: z.int(),
    operations_by_state: z.record(z.string(), z.int()),
    revert_window_ends_at: time.nullable(),
    error: z.string().nullable(),
    resource_version: z.int(),
    operations: z.array(operationSummarySchema),
  })
  .openapi('ApplyProgress');

/** What is sent for every event of the stream, but `end`. */
export const applyEventSchema = z
  .object({
    seq: z.int(),
    apply_id: z.string(),
    operation_id: z.string().nullable().openapi({ description: 'null for a change of the apply itself.' }),
    deployment: z.string().nullable(),
    version: z.int().openapi({ description: 'The apply’s resource version after it.' }),
    from: applyState,
    to: applyState,
    says: z.string(),
    at: time,
    text: z.string(),
  })
  .openapi('ApplyEvent');

export const applyLogSchema = z
  .object({
    entries: z.array(
      z
        .looseObject({
          seq: z.int(),
          at: time,
          run_id: runId,
          kind: z.string(),
          type: z.string(),
          deployment: z.string().nullable().openapi({ description: 'null for what is about the whole of it.' }),
        })
        .openapi('ApplyLogEntry', { description: 'An entry of the journal, as streams of runs send it.' }),
    ),
    next_page_token: nextPageToken,
  })
  .openapi('ApplyLog');

const lint = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning']),
    table: z.string().nullable(),
    column: z.string().nullable(),
    message: z.string(),
  })
  .openapi('PlanLint');

export const applyPlanSchema = z
  .object({
    branch: z.string(),
    into_branch: z.string(),
    deployable: z
      .boolean()
      .openapi({ description: 'Whether there is something to do, and nothing against it anywhere.' }),
    settings: rolloutSettingsSchema,
    diff: z.array(z.object({ name: z.string(), raw: z.string() })),
    deployments: z.array(
      z
        .object({
          deployment_id: z.string(),
          deployment: z.string(),
          environment: z.string(),
          position: z.int(),
          gate,
          error: failureView.nullable().openapi({ description: 'Why nothing could be planned there.' }),
          drift: z.array(z.string()).openapi({ description: 'How its schema differs from that of the first.' }),
          instant_eligible: z.boolean(),
          bytes_needed: z.number(),
          operations: z.array(
            z.object({
              table: z.string(),
              kind: z.string(),
              ddl: z.string(),
              way: z.string(),
              because: z.string(),
              can_drop_data: z.boolean(),
            }),
          ),
          lint: z.array(lint),
        })
        .openapi('DeploymentPlan'),
    ),
  })
  .openapi('ApplyPlan');

export const lockSchema = z
  .object({
    owner: z.string().openapi({ description: 'The label of a token, or `deploy request #n`.' }),
    deployments: z
      .array(z.object({ id: z.string(), name: z.string().nullable() }))
      .openapi({ description: 'None means all of them, those to come included.' }),
    acquired_at: time,
    age_seconds: z.number(),
    forced: z.object({ by: z.string(), reason: z.string(), from: z.array(z.string()) }).nullable(),
  })
  .openapi('SchemaLock');

export const lockedSchema = z
  .object({
    lock: lockSchema,
    had: z.boolean().openapi({ description: 'Whether the caller had it already.' }),
    lost: z.array(lockSchema).openapi({ description: 'Locks of others that are gone.' }),
  })
  .openapi('SchemaLocked');

const none = z.strictObject({}).optional();

/** Bodies of what is done with an apply, by the last word of the route. */
export const verbBodies = {
  [ApplyVerb.stop]: none,
  [ApplyVerb.start]: none,
  [ApplyVerb.pause]: none,
  [ApplyVerb.release]: none,
  [ApplyVerb.cutover]: z
    .strictObject({
      force: z.boolean().optional().openapi({ description: 'Ends whatever is in the way of its locks.' }),
    })
    .optional(),
  [ApplyVerb.cancel]: none,
  [ApplyVerb.revert]: z
    .strictObject({
      accept_losses: z.boolean().optional().openapi({ description: 'Whether what a revert loses is accepted.' }),
    })
    .optional(),
  [ApplyVerb.skipRevert]: none,
  [ApplyVerb.volume]: z.strictObject({
    volume: z.int().min(1).max(11).openapi({ description: '1 is slowest, 11 is full speed.' }),
  }),
  [ApplyVerb.override]: z.strictObject({ environment: placeName, reason }),
  [ApplyVerb.retry]: z.strictObject({ operation_id: uuid.optional() }).optional(),
} as const;

/** What is planned: a request that is open, or what one would be of. */
export const planBody = z
  .union([
    z.strictObject({ deploy_request: z.int().min(1).max(999_999_999) }),
    z.strictObject({ branch: z.string().max(255), into_branch: z.string().max(255).optional() }),
  ])
  .openapi('ApplyPlanBody');

export const newDeploymentBody = z
  .strictObject({
    name: placeName,
    environment: placeName,
    server: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be the name of a secret'),
    schema: z.string().regex(/^[A-Za-z0-9_$-]{1,63}$/, 'must be the name of a schema'),
  })
  .openapi('NewDeployment');

export const deploymentChangeBody = z
  .strictObject({
    name: placeName.optional(),
    environment: placeName.optional(),
    position: z.int().min(0).max(100_000).optional(),
  })
  .openapi('DeploymentChange');

/** Names of deployments; none means all of them. */
const deployments = z.array(placeName).max(1_000);

export const lockBody = z
  .strictObject({
    deployments: deployments.optional(),
    force: z.boolean().optional().openapi({ description: 'Takes it from whoever has it; for the scope admin.' }),
    reason: reason.optional().openapi({ description: 'For `force`.' }),
  })
  .openapi('SchemaLockBody');
