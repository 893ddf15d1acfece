import { randomUUID } from 'node:crypto';
import { Failure } from '../../domain/failures';
import type { Deps } from '../deps';
import { created, ok, operates, reads, type Call } from './call';
import { Lookup } from './lookup';
import { pageQuery, pageView, slice } from './pages';
import * as shapes from './schemas';
import { reviewView } from './views/review';
import { actorId } from './views/shared';

const all = '/organizations/{organization}/databases/{database}/deploy-requests/{number}/reviews';

/** Approvals and comments. */
export function reviewCalls(deps: Deps): Call[] {
  const lookup = new Lookup(deps);
  return [
    reads('get', all, { query: pageQuery }, async (called) => {
      const { request } = await lookup.request(called);
      const reviews = await deps.store.deploys.requests.reviews(called.organizationId, request.id);
      return ok(pageView(called, slice(reviews, called.query), reviewView));
    }),
    operates('post', all, { body: shapes.review }, async (called) => {
      const { database, request } = await lookup.request(called);
      const { state, body } = called.body;
      const own = actorId(request.actor) === called.caller.id;
      if (state === 'approved' && own && !database.settings.allowOwnApproval)
        throw new Failure('FORBIDDEN', 'You cannot approve your own deploy request.');
      if (state === 'commented' && body === '') throw new Failure('INVALID_INPUT', 'body: a comment needs words');
      const { organizationId, caller } = called;
      const review = { id: randomUUID(), organizationId, requestId: request.id, state, body, actor: caller.label };
      return created(reviewView(await deps.store.deploys.requests.review(review)));
    }),
  ];
}
