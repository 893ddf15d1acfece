import { ApplyState } from '../domain/rollout/states';
import { Failure } from '../domain/failures';
import { nothingAsked } from './apply-rows';
import type { NewApply, NewApplyOperation } from './apply-store';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { ApplyModel } from './generated/sqlite/models';
import { lockDatabase } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

/** How many operations one statement takes: each has fourteen parameters, and SQLite has room for 32,766 of them. */
const LIMIT = 500;

/**
 * Enters an apply with its operations, or finds the one there.
 * @throws Failure NOT_FOUND for no such database; CONFLICT where a deployment was added to the database meanwhile, or one is
 * named twice.
 */
export async function enterApply(
  database: Database,
  statements: Statements,
  apply: NewApply,
  operations: readonly NewApplyOperation[],
): Promise<ApplyModel> {
  const { id, organizationId, databaseId, number, settings } = apply;
  if (!(await lockDatabase(database, statements, { organizationId, databaseId })))
    throw new Failure('NOT_FOUND', 'there is no such database');
  const rows = table<ApplyModel>(statements, 'apply');
  const same = await rows.findFirst({ where: { id, organizationId, databaseId } });
  if (same) return same;
  await mustHaveAll(statements, databaseId, operations);
  const now = new Date();
  const row = await rows.create({
    data: {
      ...{ id, organizationId, databaseId, number, expected: operations.length, state: ApplyState.pending },
      ...{ settings: JSON.stringify(settings), asked: JSON.stringify(nothingAsked), createdAt: now, updatedAt: now },
    },
  });
  for (let start = 0; start < operations.length; start += LIMIT)
    await enterOperations(statements, apply, operations.slice(start, start + LIMIT), now);
  return row;
}

async function enterOperations(
  statements: Statements,
  { id: applyId, organizationId, databaseId }: NewApply,
  operations: readonly NewApplyOperation[],
  now: Date,
): Promise<void> {
  const values = operations.map(
    ({ id, deploymentId, deployment, environment, server, schema, position, onFailure }) =>
      Prisma.sql`(${id}, ${applyId}, ${organizationId}, ${databaseId}, ${deploymentId}, ${deployment}, ${environment},
        ${server}, ${schema}, ${position}, ${ApplyState.pending}, ${onFailure}, ${now}, ${now})`,
  );
  await statements.change(Prisma.sql`
    INSERT INTO apply_operation (id, apply_id, organization_id, database_id, deployment_id, deployment, environment,
      server, schema, position, state, on_failure, created_at, updated_at)
    VALUES ${Prisma.join(values)}`);
}

/** A deployment that came after the check would be left behind. */
async function mustHaveAll(
  statements: Statements,
  databaseId: string,
  operations: readonly NewApplyOperation[],
): Promise<void> {
  const deployments = await statements.rows<{ id: string; name: string }>(
    Prisma.sql`SELECT id, name FROM deployment WHERE database_id = ${databaseId} ORDER BY name`,
  );
  const named = new Set(operations.map(({ deploymentId }) => deploymentId));
  const missing = deployments.find(({ id }) => !named.has(id));
  if (missing) throw new Failure('CONFLICT', `deployment ${missing.name} was added in the meantime`);
}
