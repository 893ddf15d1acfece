import type { DatabaseSettings } from '../../domain/deploy/database';
import type { DeployRequest, DeployReview } from '../../domain/deploy/request';
import { actorId } from './views/shared';

/** Whether somebody approved a request whose approval counts. */
export function isApproved(
  { actor }: Pick<DeployRequest, 'actor'>,
  reviews: readonly DeployReview[],
  { allowOwnApproval }: Pick<DatabaseSettings, 'allowOwnApproval'>,
): boolean {
  const counts = (review: DeployReview): boolean => allowOwnApproval || actorId(review.actor) !== actorId(actor);
  return reviews.some((review) => review.state === 'approved' && counts(review));
}

/** Whether a request wants an approval that it has not. */
export function approvalMissing(
  request: DeployRequest,
  reviews: readonly DeployReview[],
  settings: DatabaseSettings,
): boolean {
  return settings.requireApproval && !isApproved(request, reviews, settings);
}
