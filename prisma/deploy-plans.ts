import { OperationState, type DeployOperation } from '../domain/deploy/request';
import { Failure } from '../domain/failures';
import type { Database } from './database';
import { operationOf } from './deploy-rows';
import type { NewOperation, OperationReport } from './deploy-store';
import { Prisma } from './generated/sqlite/client';
import type { DeployOperationModel, DeployPlanModel } from './generated/sqlite/models';
import { forUpdate } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

/** What is to be done for deploy requests, and how far it is; always of one organization's request. */
export class StoredPlans {
  constructor(private readonly database: Database) {}

  async get(organizationId: string, requestId: string): Promise<string | null> {
    const [row] = await this.database.direct((statements) =>
      statements.rows<DeployPlanModel>(Prisma.sql`
        SELECT deploy_plan.* FROM deploy_plan JOIN deploy_request ON deploy_request.id = request_id
        WHERE request_id = ${requestId} AND organization_id = ${organizationId}`),
    );
    return row?.plan ?? null;
  }

  /** @throws Failure NOT_FOUND */
  async set(
    organizationId: string,
    requestId: string,
    plan: string,
    operations: readonly NewOperation[],
  ): Promise<void> {
    await this.database.together(async (statements) => {
      const databaseId = await this.lock(statements, organizationId, requestId);
      const plans = table<DeployPlanModel>(statements, 'deployPlan');
      const rows = table<DeployOperationModel>(statements, 'deployOperation');
      await plans.deleteMany({ where: { requestId } });
      await rows.deleteMany({ where: { requestId } });
      await plans.create({ data: { requestId, databaseId, plan } });
      const now = new Date();
      for (const [position, { table: tableName, ...operation }] of operations.entries()) {
        const { id, kind, ddl, way, because, canDropData, recentlyUsedAt } = operation;
        await rows.create({
          data: {
            ...{ id, requestId, databaseId, position, kind, tableName, ddl, way, because, canDropData },
            ...{ recentlyUsedAt, state: OperationState.pending, createdAt: now, updatedAt: now },
          },
        });
      }
    });
  }

  async operations(organizationId: string, requestId: string): Promise<DeployOperation[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<DeployOperationModel>(Prisma.sql`
        SELECT deploy_operation.* FROM deploy_operation JOIN deploy_request ON deploy_request.id = request_id
        WHERE request_id = ${requestId} AND organization_id = ${organizationId} ORDER BY position`),
    );
    return rows.map(operationOf);
  }

  /** @throws Failure NOT_FOUND */
  async report(
    organizationId: string,
    requestId: string,
    reports: Readonly<Record<string, OperationReport>>,
  ): Promise<void> {
    await this.database.together(async (statements) => {
      await this.lock(statements, organizationId, requestId);
      const rows = table<DeployOperationModel>(statements, 'deployOperation');
      for (const [tableName, report] of Object.entries(reports))
        await rows.updateManyAndReturn({
          where: { requestId, tableName },
          data: { ...report, updatedAt: new Date() },
        });
    });
  }

  /** Has whoever writes of the same request wait. @returns the id of its database. @throws Failure NOT_FOUND */
  private async lock(statements: Statements, organizationId: string, requestId: string): Promise<string> {
    const [row] = await statements.rows<{ databaseId: string }>(Prisma.sql`
      SELECT database_id FROM deploy_request WHERE id = ${requestId} AND organization_id = ${organizationId}
      ${forUpdate(this.database)}`);
    if (!row) throw new Failure('NOT_FOUND', 'there is no such deploy request');
    return row.databaseId;
  }
}
