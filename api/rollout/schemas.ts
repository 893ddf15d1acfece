import { OperationState } from '../../domain/deploy/request';
import { ApplyState } from '../../domain/rollout/states';
import { Wanted } from '../../domain/rollout/apply';
import { failureView, nextPageToken, runId, time, uuid } from '../schemas';
import { z } from '../zod';
import { ApplyVerb } from './verbs';

const states = Object.values(ApplyState) as [ApplyState, ...ApplyState[]];

/** The state of an apply or of an operation. */
export const applyState = z.enum(states);

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

export const gateSchema = z
  .object({
    environment: z.string(),
    open: z.boolean(),
    reason: z.string(),
    override: z.object({ by: z.string(), reason: z.string(), at: time }).nullable(),
  })
  .openapi('EnvironmentGate');

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
  gates: z.array(gateSchema),
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
