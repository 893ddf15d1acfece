import { failures } from '../../domain/failures';
import { plannedStep, planOf } from '../../domain/run-plan';
import { runDetail, type StepDetail } from '../../domain/run-detail';
import type { Run } from '../../prisma/store';
import { token } from '../access';
import type { Deps } from '../deps';
import { entriesOf } from '../entries';
import { ok, route, type Route } from '../route';
import { failureView, pageSize, paging, runId, severity, time, uuid } from '../schemas';
import { z } from '../zod';

const item = z
  .object({
    run_id: runId,
    kind: z.string(),
    organization_id: uuid,
    step: z.string(),
    since: time,
    severity,
    why: failureView,
    what_to_do: z.string(),
    skip_leaves: z.string().nullable().openapi({ description: 'What stays behind when the step is skipped.' }),
    allowed: z.array(z.enum(['retry', 'skip'])),
    resolve: z.string().openapi({ description: 'Address to which the decision is posted.' }),
  })
  .openapi('AttentionItem');

/** `/attention`: what is stuck, since when, why, and what to do about it. */
export function attentionRoutes({ store }: Deps): Route[] {
  const list = route({
    method: 'get',
    path: '/attention',
    operationId: 'listAttention',
    tag: 'attention',
    summary: 'List what waits for a person, oldest first',
    access: token('read'),
    query: z.strictObject({ organization: uuid.optional(), page_size: paging.page_size }),
    answers: {
      200: {
        description: 'The oldest ones.',
        schema: z.object({ items: z.array(item) }).openapi('AttentionList'),
      },
    },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, query }) {
      const organizationId = caller.organizationFilter(query.organization);
      const runs = await store.journal.attention({
        ...(organizationId !== undefined && { organizationId }),
        limit: pageSize(query.page_size),
      });
      const items = await Promise.all(
        runs.map(async (run) =>
          runDetail(await entriesOf(store, run.id), planOf(run.kind))
            .steps.filter((step) => step.state === 'stuck')
            .map((step) => itemView(run, step)),
        ),
      );
      return ok({ items: items.flat() });
    },
  });
  return [list];
}

function itemView(run: Run, step: StepDetail): Record<string, unknown> {
  const planned = plannedStep(run.kind, step.name);
  const why = step.stuckBecause ?? { code: 'INTERNAL', message: failures.INTERNAL.title };
  return {
    run_id: run.id,
    kind: run.kind,
    organization_id: run.organizationId,
    step: step.name,
    since: step.stuckSince,
    severity: run.severity ?? 'warning',
    why,
    what_to_do: `${failures[why.code].remedy} Then retry it; skip it only if it no longer matters.`,
    skip_leaves: planned?.leftBehind ?? null,
    allowed: ['retry', 'skip'],
    resolve: `/runs/${run.id}/steps/${step.name}/resolve`,
  };
}
