import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../domain/failures';
import { isSettled, type ApplyState } from '../../domain/rollout/states';
import { token } from '../access';
import type { Deps } from '../deps';
import { within } from '../planetscale/runs';
import { RolloutLookup, type ApplyFound } from '../rollout/lookup';
import { applyKey, databaseName } from '../rollout/bodies';
import {
  applyPageSchema,
  applySchema,
  applyState,
  operationSchema,
  operationsSchema,
  progressSchema,
} from '../rollout/schemas';
import { applyView, operationSummaryView, operationView, progressView } from '../rollout/views';
import { ok, route, type Route } from '../route';
import { pageSize, paging, uuid } from '../schemas';
import { z } from '../zod';

const all = '/v1/organizations/{org}/databases/{db}/applies';
const place = { org: uuid, db: databaseName };
const params = z.strictObject({ ...place, id: applyKey });
const headers = { ETag: 'Its resource version.' };

/** Milliseconds between looks at an apply that somebody waits for. */
const LOOK_MS = 200;

/** Deploys over several deployments, as the store has them. */
export function applyRoutes(deps: Deps): Route[] {
  const { store } = deps;
  const lookup = new RolloutLookup(deps);

  const list = route({
    method: 'get',
    path: all,
    operationId: 'listApplies',
    tag: 'rollouts',
    summary: 'List the rollouts of a database, newest first',
    access: token('read'),
    params: z.strictObject(place),
    query: z.strictObject({
      state: applyState.optional(),
      page_size: paging.page_size,
      page_token: z
        .string()
        .regex(/^[1-9][0-9]{0,5}$/, 'must be the token of a page')
        .optional()
        .openapi({ description: 'The `next_page_token` of the page before.' }),
    }),
    answers: { 200: { description: 'One page.', schema: applyPageSchema } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params, query }) {
      const database = await lookup.database(caller, params);
      const page = Number(query.page_token ?? '1');
      const perPage = pageSize(query.page_size);
      const { items, total } = await store.rollouts.applies.list(database.organizationId, database.id, {
        ...{ page, perPage },
        ...(query.state !== undefined && { state: query.state }),
      });
      const shown = await Promise.all(items.map((apply) => lookup.shown({ database, apply })));
      const next = page * perPage < total ? String(page + 1) : null;
      return ok({ applies: shown.map(applyView), total, next_page_token: next });
    },
  });

  const one = route({
    method: 'get',
    path: `${all}/{id}`,
    operationId: 'getApply',
    tag: 'rollouts',
    summary: 'Read a rollout: what it is at, what it waits for, and what can be done',
    access: token('read'),
    params,
    answers: { 200: { description: 'The rollout.', schema: applySchema, headers } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { id, ...at } }) {
      const found = await lookup.apply(caller, at, id);
      return ok(applyView(await lookup.shown(found)), etag(found));
    },
  });

  const operations = route({
    method: 'get',
    path: `${all}/{id}/operations`,
    operationId: 'listApplyOperations',
    tag: 'rollouts',
    summary: 'List the shares of deployments in a rollout, in its order; one that cannot be read says why',
    access: token('read'),
    params,
    answers: { 200: { description: 'All of them.', schema: operationsSchema } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { id, ...at } }) {
      const { apply } = await lookup.apply(caller, at, id);
      const [rows, tasks] = await Promise.all([lookup.rows(apply), lookup.tasks(apply)]);
      return ok({ operations: rows.map((row) => operationSummaryView(row, tasks.get(row.id) ?? [])) });
    },
  });

  const operation = route({
    method: 'get',
    path: `${all}/{id}/operations/{op}`,
    operationId: 'getApplyOperation',
    tag: 'rollouts',
    summary: 'Read the share of one deployment, with its tables',
    access: token('read'),
    params: params.extend({ op: uuid }),
    answers: { 200: { description: 'The operation.', schema: operationSchema } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { id, op, ...at } }) {
      const { apply } = await lookup.apply(caller, at, id);
      const row = (await lookup.rows(apply)).find((each) => each.id === op);
      if (!row) throw new Failure('NOT_FOUND', 'There is no such operation.');
      return ok(operationView(row, await store.deploys.requests.operations(apply.organizationId, op)));
    },
  });

  const progress = route({
    method: 'get',
    path: `${all}/{id}/progress`,
    operationId: 'getApplyProgress',
    tag: 'rollouts',
    summary: 'Read how far a rollout is, with every deployment; with `wait`, once it is in one of some states',
    access: token('read'),
    params,
    query: z.strictObject({
      wait: z
        .string()
        .max(1_000)
        .regex(/^[a-z_]+(,[a-z_]+)*$/, 'must be states between commas')
        .optional()
        .openapi({ description: 'States between commas; it is answered when it has ended, too, or the time is over.' }),
    }),
    answers: { 200: { description: 'How far it is.', schema: progressSchema, headers } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { id, ...at }, query, gone }) {
      const states = statesOf(query.wait);
      const first = await lookup.apply(caller, at, id);
      const found = states.length === 0 ? first : await waited(first, states, gone);
      const [rows, tasks] = await Promise.all([lookup.rows(found.apply), lookup.tasks(found.apply)]);
      return ok(progressView({ apply: found.apply, rows }, tasks), etag(found));
    },
  });
  return [list, one, operations, operation, progress];

  async function waited(first: ApplyFound, states: readonly ApplyState[], gone: AbortSignal): Promise<ApplyFound> {
    const { database } = first;
    let { apply } = first;
    await within(deps.settings.api.waitMs, [gone, deps.closing], async (enough) => {
      while (!states.includes(apply.state) && !isSettled(apply.state) && !enough.aborted) {
        await sleep(LOOK_MS, undefined, { signal: enough }).catch(() => undefined);
        const now = await store.rollouts.applies.get(apply.organizationId, apply.id);
        if (!now) throw new Failure('NOT_FOUND', 'There is no such rollout.');
        apply = now;
      }
    });
    return { database, apply };
  }
}

/** @throws Failure INVALID_INPUT */
function statesOf(wait: string | undefined): ApplyState[] {
  const states = z.array(applyState).safeParse(wait?.split(',') ?? []);
  if (!states.success) throw new Failure('INVALID_INPUT', 'wait: must be states between commas.');
  return states.data;
}

function etag({ apply }: ApplyFound): Record<string, string> {
  return { ETag: `"${apply.resourceVersion}"` };
}
