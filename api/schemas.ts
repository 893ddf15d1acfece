import { AllocationState } from '../domain/gateway/allocation';
import { failures, type FailureCode } from '../domain/failures';
import { isUuid } from '../domain/organization';
import { SagaState, StepState } from '../domain/saga';
import { z } from './zod';

const codes = Object.keys(failures) as [FailureCode, ...FailureCode[]];

/** A lower-case UUID. */
export const uuid = z
  .string()
  .refine(isUuid, 'must be a lower-case UUID')
  .openapi({ format: 'uuid', example: '0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d' });

/** The id of a run. */
export const runId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,127}$/, 'must be the id of a run')
  .openapi({ example: 'gateway-start-0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d' });

/** The name of an edge. */
export const edgeName = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be the name of an edge')
  .openapi({ example: 'edge-a' });

export const time = z.string().openapi({ format: 'date-time' });

/** A boolean as query parameters spell it. */
export const flag = z.enum(['true', 'false']);

/** Paging of every list: at most 100 a page. */
export const paging = {
  page_size: z
    .string()
    .regex(/^([1-9][0-9]?|100)$/, 'must be a number from 1 to 100')
    .optional()
    .openapi({ type: 'integer', minimum: 1, maximum: 100, default: 50 }),
  page_token: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .openapi({ description: 'The `next_page_token` of the page before.' }),
};

/** The page size that was asked for. */
export function pageSize(asked: string | undefined): number {
  return asked === undefined ? 50 : Number(asked);
}

/** The token of the next page; null on the last one. */
export const nextPageToken = z.string().nullable().openapi({ description: 'Opaque; null on the last page.' });

export const failureView = z
  .object({ code: z.enum(codes), message: z.string() })
  .openapi('Failure', { description: 'What went wrong: a code of the closed set, and words for people.' });

export const problemSchema = z
  .looseObject({
    type: z.string().openapi({ format: 'uri', description: 'Stable URI of the kind of problem.' }),
    code: z.enum(codes),
    status: z.number().int(),
    title: z.string(),
    detail: z.string(),
    instance: z.string().openapi({ description: '`urn:uuid:` and the id of the request, as in `X-Request-Id`.' }),
    errors: z
      .array(
        z.object({
          detail: z.string(),
          pointer: z.string().optional(),
          parameter: z.string().optional(),
          header: z.string().optional(),
        }),
      )
      .optional(),
  })
  .openapi('Problem', { description: 'RFC 9457; members beyond these depend on the code.' });

export const sagaState = z.enum(Object.values(SagaState) as [SagaState, ...SagaState[]]);
export const stepState = z.enum(Object.values(StepState) as [StepState, ...StepState[]]);
export const allocationState = z.enum(Object.values(AllocationState) as [AllocationState, ...AllocationState[]]);
export const severity = z.enum(['warning', 'critical']);

export const runSchema = z
  .object({
    id: runId,
    kind: z.string().openapi({ example: 'gateway.start' }),
    organization_id: uuid,
    state: sagaState,
    started_at: time,
    ended_at: time.nullable(),
    attention_since: time.nullable(),
    severity: severity.nullable(),
    error: failureView.nullable(),
    allowed: z.array(z.enum(['cancel', 'resolve'])).openapi({ description: 'What may be asked of the run now.' }),
  })
  .openapi('Run');

export const resolution = z
  .object({ action: z.enum(['retry', 'skip']), by: z.string(), reason: z.string(), at: time })
  .openapi('Resolution');

const attempt = z
  .object({
    activity: z.string(),
    attempt: z.number().int(),
    worker: z.string(),
    started_at: time.nullable(),
    ended_at: time.nullable(),
    duration_ms: z.number().int().nullable(),
    outcome: z
      .enum(['succeeded', 'failed', 'cancelled', 'unknown'])
      .nullable()
      .openapi({ description: 'null while it runs.' }),
    error: failureView.nullable(),
  })
  .openapi('Attempt');

const phase = z
  .object({
    state: z.enum(['pending', 'running', 'succeeded', 'failed', 'cancelled', 'unknown']),
    started_at: time.nullable(),
    ended_at: time.nullable(),
    error: failureView.nullable(),
    attempts: z.array(attempt),
  })
  .openapi('Phase');

export const runDetailSchema = runSchema
  .extend({
    cancelled: z.boolean(),
    steps: z.array(
      z
        .object({
          name: z.string(),
          state: stepState,
          does: z.string().nullable(),
          do: phase,
          undo: phase.extend({
            kind: z.enum(['undo', 'nothing', 'point_of_no_return']).nullable(),
            text: z.string().nullable(),
          }),
          stuck_since: time.nullable(),
          stuck_because: failureView.nullable().openapi({ description: 'Why its undo is stuck.' }),
          resolutions: z.array(resolution),
        })
        .openapi('Step'),
    ),
  })
  .openapi('RunDetail');

export const allocationSchema = z
  .object({
    id: uuid,
    organization_id: uuid,
    state: allocationState,
    gateway_hostname: z.string(),
    replica_id: uuid,
    epoch: z.number().int(),
    run_id: runId,
    created_at: time,
    released_at: time.nullable(),
    resource_version: z.number().int(),
  })
  .openapi('Allocation');

export const replicaSchema = z
  .object({
    id: uuid,
    name: z.string(),
    address: z.string().nullable(),
    epoch: z.number().int(),
    state: z.enum(['new', 'free', 'allocated', 'quarantined', 'withdrawn']),
    quarantined_at: time.nullable(),
    quarantine_reason: z.string().nullable(),
    allocation_id: uuid.nullable(),
    resource_version: z.number().int(),
  })
  .openapi('Replica');

export const edgeSchema = z
  .object({
    name: z.string(),
    live_generation: z.number().int(),
    claimed_generation: z.number().int(),
    live_revision: z.number().int(),
    reloads: z.number().int(),
    routes_published: z.number().int(),
    behind_since: time.nullable(),
    behind_reason: z.string().nullable(),
  })
  .openapi('Edge');
