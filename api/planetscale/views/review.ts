import type { DeployReview } from '../../../domain/deploy/request';
import { actorView, escaped, time } from './shared';

/** A review as PlanetScale's clients read it. */
export function reviewView(review: DeployReview): Record<string, unknown> {
  return {
    id: review.id,
    body: review.body,
    html_body: review.body === '' ? '' : `<p>${escaped(review.body)}</p>`,
    state: review.state,
    created_at: time(review.createdAt),
    updated_at: time(review.createdAt),
    actor: actorView(review.actor),
  };
}
