import type { DeployReview } from '../domain/deploy/request';
import { Failure } from '../domain/failures';
import type { Database } from './database';
import { reviewOf } from './deploy-rows';
import { Prisma } from './generated/sqlite/client';
import type { DeployReviewModel } from './generated/sqlite/models';
import { forUpdate } from './row-lock';
import { table } from './table';

/** A review as whoever says it gives it, with the organization of its request. */
export type NewReview = Omit<DeployReview, 'createdAt'> & { readonly organizationId: string };

/** What people say of deploy requests; always of one organization's request. */
export class StoredReviews {
  constructor(private readonly database: Database) {}

  /** @throws Failure NOT_FOUND */
  async review({ organizationId, requestId, id, state, body, actor }: NewReview): Promise<DeployReview> {
    return await this.database.together(async (statements) => {
      const [request] = await statements.rows<{ databaseId: string }>(Prisma.sql`
        SELECT database_id FROM deploy_request WHERE id = ${requestId} AND organization_id = ${organizationId}
        ${forUpdate(this.database)}`);
      if (!request) throw new Failure('NOT_FOUND', 'there is no such deploy request');
      const { databaseId } = request;
      const rows = table<DeployReviewModel>(statements, 'deployReview');
      const data = { id, requestId, databaseId, state, body, actor, createdAt: new Date() };
      return reviewOf((await rows.findFirst({ where: { id, requestId } })) ?? (await rows.create({ data })));
    });
  }

  async reviews(organizationId: string, requestId: string): Promise<DeployReview[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<DeployReviewModel>(Prisma.sql`
        SELECT deploy_review.* FROM deploy_review JOIN deploy_request ON deploy_request.id = request_id
        WHERE request_id = ${requestId} AND organization_id = ${organizationId}
        ORDER BY deploy_review.created_at, deploy_review.id`),
    );
    return rows.map(reviewOf);
  }
}
