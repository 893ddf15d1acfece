import { Failure } from '../../domain/failures';
import { planOf } from '../../domain/run-plan';
import { runDetail } from '../../domain/run-detail';
import { isTerminal } from '../../domain/saga';
import { token } from '../access';
import type { Deps } from '../deps';
import { entriesOf } from '../entries';
import { ok, route, type Route } from '../route';
import { visibleRun } from '../run-lookup';
import {
  flag,
  nextPageToken,
  pageSize,
  paging,
  resolution,
  runDetailSchema,
  runId,
  runSchema,
  sagaState,
  severity,
  stepState,
  failureView,
  time,
  uuid,
} from '../schemas';
import { allowed, runDetailView, runView, sagaView } from '../views';
import { z } from '../zod';

const live = z
  .object({
    id: runId,
    kind: z.string(),
    state: sagaState,
    attention_since: time.nullable(),
    severity: severity.nullable(),
    error: failureView.nullable(),
    steps: z.array(
      z.object({
        name: z.string(),
        state: stepState,
        error: failureView.nullable(),
        undo_error: failureView.nullable(),
        stuck_since: time.nullable(),
        resolutions: z.array(resolution),
      }),
    ),
  })
  .openapi('LiveRun');

/** `/runs`: every start and stop there ever was, and what a person may do to those that go on. */
export function runRoutes(deps: Deps): Route[] {
  const { store, engine } = deps;
  const list = route({
    method: 'get',
    path: '/runs',
    operationId: 'listRuns',
    tag: 'runs',
    summary: 'List runs, newest first',
    access: token('read'),
    query: z.strictObject({
      organization: uuid.optional(),
      kind: z
        .string()
        .regex(/^[a-z][a-z._-]{0,63}$/, 'must be a kind of run')
        .optional(),
      state: sagaState.optional(),
      needs_attention: flag.optional(),
      ...paging,
    }),
    answers: {
      200: {
        description: 'One page.',
        schema: z.object({ runs: z.array(runSchema), next_page_token: nextPageToken }).openapi('RunPage'),
      },
    },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, query }) {
      const organizationId = caller.organizationFilter(query.organization);
      const page = await store.journal.runs({
        ...(organizationId !== undefined && { organizationId }),
        ...(query.kind !== undefined && { kind: query.kind }),
        ...(query.state !== undefined && { state: query.state }),
        ...(query.needs_attention !== undefined && { needsAttention: query.needs_attention === 'true' }),
        ...(query.page_token !== undefined && { cursor: query.page_token }),
        limit: pageSize(query.page_size),
      });
      return ok({ runs: page.runs.map(runView), next_page_token: page.cursor ?? null });
    },
  });

  const one = route({
    method: 'get',
    path: '/runs/{id}',
    operationId: 'getRun',
    tag: 'runs',
    summary: 'Read one run: its steps with do and undo, attempts, times and errors',
    access: token('read'),
    params: z.strictObject({ id: runId }),
    answers: { 200: { description: 'The run.', schema: runDetailSchema } },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    async handle({ caller, params }) {
      const run = await visibleRun(deps, caller, params.id);
      const entries = await entriesOf(store, run.id);
      return ok(runDetailView(run, runDetail(entries, planOf(run.kind))));
    },
  });

  const cancel = route({
    method: 'post',
    path: '/runs/{id}/cancel',
    operationId: 'cancelRun',
    tag: 'runs',
    summary: 'Cancel a run: it is taken back',
    access: token('operate'),
    params: z.strictObject({ id: runId }),
    answers: {
      202: {
        description: 'It is being taken back.',
        schema: z.object({ id: runId, state: sagaState }).openapi('RunCancelling'),
        headers: { Location: 'The run’s address.' },
      },
    },
    failures: ['NOT_FOUND', 'STATE_CONFLICT', 'STORE_UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    async handle({ caller, params }) {
      const run = await visibleRun(deps, caller, params.id);
      const possible = allowed(run.state);
      if (!possible.includes('cancel'))
        throw new Failure('STATE_CONFLICT', `A run that is ${run.state} cannot be cancelled.`, {
          data: { state: run.state, allowed: possible },
        });
      if (run.state === 'running') await engine.cancel(run.id);
      return { status: 202, headers: { Location: `/runs/${run.id}` }, body: { id: run.id, state: run.state } };
    },
  });

  const resolve = route({
    method: 'post',
    path: '/runs/{id}/steps/{step}/resolve',
    operationId: 'resolveStep',
    tag: 'attention',
    summary: 'Decide about a stuck step: have it retried, or skip it',
    access: token('operate'),
    params: z.strictObject({
      id: runId,
      step: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'must be the name of a step'),
    }),
    body: z
      .strictObject({ action: z.enum(['retry', 'skip']), reason: z.string().trim().min(1).max(500) })
      .openapi('Resolve'),
    answers: { 200: { description: 'The run as it stands after the decision.', schema: live } },
    failures: ['NOT_FOUND', 'STATE_CONFLICT', 'STORE_UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    async handle({ caller, params, body }) {
      const run = await visibleRun(deps, caller, params.id);
      if (isTerminal(run.state))
        throw new Failure('STATE_CONFLICT', `The run has ended: it is ${run.state}.`, {
          data: { state: run.state, allowed: [] },
        });
      return ok(sagaView(run.id, await engine.resolve(run.id, { step: params.step, ...body, by: caller.label })));
    },
  });
  return [list, one, cancel, resolve];
}
