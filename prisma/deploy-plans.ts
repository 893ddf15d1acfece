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

/**
 * What is to be done for deploy requests, and how far it is; always of one organization. Each plan has an owner: a request,
 * or the operation of an apply, which has one of its own.
 */
export class StoredPlans {
  constructor(private readonly database: Database) {}

  async get(organizationId: string, owner: string): Promise<string | null> {
    const [row] = await this.database.direct((statements) =>
      statements.rows<DeployPlanModel>(Prisma.sql`
        SELECT deploy_plan.* FROM deploy_plan JOIN database_record ON database_record.id = database_id
        WHERE request_id = ${owner} AND organization_id = ${organizationId}`),
    );
    return row?.plan ?? null;
  }

  /** @throws Failure NOT_FOUND */
  async set(organizationId: string, owner: string, plan: string, operations: readonly NewOperation[]): Promise<void> {
    await this.database.together(async (statements) => {
      const databaseId = await this.lock(statements, organizationId, owner);
      const requestId = owner;
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

  async operations(organizationId: string, owner: string): Promise<DeployOperation[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<DeployOperationModel>(Prisma.sql`
        SELECT deploy_operation.* FROM deploy_operation JOIN database_record ON database_record.id = database_id
        WHERE request_id = ${owner} AND organization_id = ${organizationId} ORDER BY position`),
    );
    return rows.map(operationOf);
  }

  /** Those of all operations of an apply, in their order. */
  async ofApply(organizationId: string, applyId: string): Promise<DeployOperation[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<DeployOperationModel>(Prisma.sql`
        SELECT deploy_operation.* FROM deploy_operation JOIN apply_operation ON apply_operation.id = request_id
        WHERE apply_id = ${applyId} AND organization_id = ${organizationId}
        ORDER BY apply_operation.position, apply_operation.id, deploy_operation.position`),
    );
    return rows.map(operationOf);
  }

  /** @throws Failure NOT_FOUND */
  async report(
    organizationId: string,
    owner: string,
    reports: Readonly<Record<string, OperationReport>>,
  ): Promise<void> {
    await this.database.together(async (statements) => {
      await this.lock(statements, organizationId, owner);
      const rows = table<DeployOperationModel>(statements, 'deployOperation');
      for (const [tableName, report] of Object.entries(reports))
        await rows.updateManyAndReturn({
          where: { requestId: owner, tableName },
          data: { ...report, updatedAt: new Date() },
        });
    });
  }

  /** Has whoever writes of the same owner wait. @returns the id of its database. @throws Failure NOT_FOUND */
  private async lock(statements: Statements, organizationId: string, owner: string): Promise<string> {
    for (const owners of [Prisma.sql`deploy_request`, Prisma.sql`apply_operation`]) {
      const [row] = await statements.rows<{ databaseId: string }>(Prisma.sql`
        SELECT database_id FROM ${owners} WHERE id = ${owner} AND organization_id = ${organizationId}
        ${forUpdate(this.database)}`);
      if (row) return row.databaseId;
    }
    throw new Failure('NOT_FOUND', 'there is no such deploy request or operation of an apply');
  }
}
