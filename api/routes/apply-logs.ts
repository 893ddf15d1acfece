import { requestRunId } from '../../domain/deploy/contract';
import { operationRunId } from '../../domain/rollout/contract';
import { token } from '../access';
import type { Deps } from '../deps';
import { readable, RolloutLookup, type ApplyFound } from '../rollout/lookup';
import { applyKey, databaseName } from '../rollout/bodies';
import { applyLogSchema } from '../rollout/schemas';
import { ok, route, type Route } from '../route';
import { pageSize, paging, uuid } from '../schemas';
import { entryView } from '../views';
import { z } from '../zod';

/** What was done for a rollout, by whom, and what came of it: the journal of all its runs. */
export function applyLogRoutes(deps: Deps): Route[] {
  const { store } = deps;
  const lookup = new RolloutLookup(deps);
  const logs = route({
    method: 'get',
    path: '/v1/organizations/{org}/databases/{db}/applies/{id}/logs',
    operationId: 'listApplyLogs',
    tag: 'rollouts',
    summary: 'Read the journal of a rollout and of its deployments’ shares, oldest first',
    access: token('read'),
    params: z.strictObject({ org: uuid, db: databaseName, id: applyKey }),
    query: z.strictObject({
      deployment: z.string().max(255).optional().openapi({ description: 'The name of one deployment.' }),
      page_size: paging.page_size,
      page_token: z
        .string()
        .regex(/^(0|[1-9][0-9]{0,14})$/, 'must be the seq of an entry')
        .optional()
        .openapi({ description: 'The `seq` of the last entry that was seen; also how new ones are followed.' }),
    }),
    answers: { 200: { description: 'One page.', schema: applyLogSchema } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { id, ...at }, query }) {
      const found = await lookup.apply(caller, at, id);
      const runs = await runsOf(found, query.deployment);
      const limit = pageSize(query.page_size);
      const entries = await store.journal.after(Number(query.page_token ?? '0'), {
        ...{ runIds: [...runs.keys()], limit: limit + 1 },
        organizationId: found.apply.organizationId,
      });
      const shown = entries.slice(0, limit);
      return ok({
        entries: shown.map((entry) => ({ ...entryView(entry), deployment: runs.get(entry.runId) ?? null })),
        next_page_token: entries.length > limit ? String(shown.at(-1)!.seq) : null,
      });
    },
  });
  return [logs];

  /** The runs of an apply, each with its deployment; that of the request has none. */
  async function runsOf({ apply }: ApplyFound, only: string | undefined): Promise<ReadonlyMap<string, string | null>> {
    const runs = new Map<string, string | null>();
    if (only === undefined) runs.set(requestRunId({ ...apply, requestId: apply.id }), null);
    for (const { id, epoch, deployment } of readable(await lookup.rows(apply)))
      // One for each time that it was begun.
      for (let at = epoch; at > 0 && (only ?? deployment) === deployment; at--)
        runs.set(operationRunId({ operation: { id, epoch: at } }), deployment);
    return runs;
  }
}
