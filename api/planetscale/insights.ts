import type { WouldLose } from '../../domain/deploy/contract';
import { diffTexts } from '../../domain/deploy/texts';
import { throttleOfPercent } from '../../domain/deploy/throttle';
import { Failure } from '../../domain/failures';
import type { SchemaModel } from '../../domain/schema/model';
import type { Deps } from '../deps';
import { standingOf } from '../rollout/standing';
import { Actions } from './actions';
import { ok, operates, reads, type Call } from './call';
import { eventsCall } from './events';
import { refOf } from './lives';
import { Lookup } from './lookup';
import { pageQuery, pageView, slice } from './pages';
import { inspected } from './runs';
import * as shapes from './schemas';
import { askedRatio } from './throttle';
import { textsView } from './views/lint';
import { operationViews } from './views/operation';
import { deploymentView } from './views/request';
import { storageView } from './views/storage';
import { throttlerView } from './views/throttler';

const one = '/organizations/{organization}/databases/{database}/deploy-requests/{number}';

/** What is told of a deploy request beside itself. */
export function insightCalls(deps: Deps): Call[] {
  const { store } = deps;
  const lookup = new Lookup(deps);
  const actions = new Actions(deps);

  return [
    reads('get', `${one}/deployment`, {}, async (called) => {
      const { database, request } = await lookup.request(called);
      const [shown] = await lookup.shown(database, [request]);
      return ok(deploymentView(shown!));
    }),

    reads('get', `${one}/operations`, { query: pageQuery }, async (called) => {
      const { database, request } = await lookup.request(called);
      const [shown] = await lookup.shown(database, [request]);
      return ok(pageView(called, slice(operationViews(shown!.shards, database), called.query), (each) => each));
    }),

    reads('get', `${one}/diff`, {}, async (called) => {
      const { request } = await lookup.request(called);
      const plan = await store.deploys.requests.plan(called.organizationId, request.id);
      if (plan === null) return ok(textsView([]));
      const { from, to } = JSON.parse(plan) as { readonly from: SchemaModel; readonly to: SchemaModel };
      return ok(textsView(diffTexts(from, to)));
    }),

    reads('get', `${one}/storage-check`, {}, async (called) => {
      const { database, request } = await lookup.request(called);
      return ok(storageView(database, request));
    }),

    reads('get', `${one}/throttler`, {}, async (called) => {
      const { database, request } = await lookup.request(called);
      return ok(throttlerView(database, configurable(request), request.deployment.throttle));
    }),

    operates('patch', `${one}/throttler`, { body: shapes.throttler }, async (called) => {
      const found = await lookup.request(called);
      const ratio = throttleOfPercent(askedRatio(called.body, found.database));
      const request = await actions.throttle(found, ratio, called.caller.label);
      return ok(throttlerView(found.database, configurable(request), ratio));
    }),

    // Ours: what a revert would not bring back, told before somebody asks for it.
    reads('get', `${one}/losses`, {}, async (called) => {
      const { database, request } = await lookup.request(called);
      const { state } = request.deployment;
      const standing = await standingOf(deps, request);
      const isLive = standing ? (standing.operations.revert_window ?? 0) > 0 : state === 'complete_pending_revert';
      if (!isLive)
        throw new Failure('STATE_CONFLICT', `nothing can be reverted: deploy request is in state "${state}"`, {
          data: { state },
        });
      const look = { at: 'losses', requestId: request.id } as const;
      const { losses } = await inspected<WouldLose>(deps, { ...refOf(database), look }, called.gone);
      return ok({ data: losses });
    }),
    eventsCall(deps),
  ];
}

function configurable({
  id,
  number,
  createdAt,
  updatedAt,
}: {
  id: string;
  number: number;
  createdAt: Date;
  updatedAt: Date;
}) {
  return { id, name: `deploy request ${number}`, createdAt, updatedAt };
}
