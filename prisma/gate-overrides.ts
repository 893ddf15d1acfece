import { randomUUID } from 'node:crypto';
import type { Override } from '../domain/rollout/gates';
import { Prisma } from './generated/sqlite/client';
import type { ApplyModel, GateOverrideModel } from './generated/sqlite/models';
import type { Statements } from './statements';

/** Keeps a person's word on a gate. @returns false where it is kept already */
export async function addOverride(
  statements: Statements,
  { id: applyId, organizationId, databaseId }: ApplyModel,
  { environment, by, reason, at }: Override,
): Promise<boolean> {
  const added = await statements.change(Prisma.sql`
    INSERT INTO gate_override (id, organization_id, database_id, apply_id, environment, actor, reason, at)
    VALUES (${randomUUID()}, ${organizationId}, ${databaseId}, ${applyId}, ${environment}, ${by}, ${reason}, ${at})
    ON CONFLICT DO NOTHING`);
  return added > 0;
}

/** What people said on the gates of an apply, oldest first. */
export async function overridesOf(
  statements: Statements,
  organizationId: string,
  applyId: string,
): Promise<Override[]> {
  const rows = await statements.rows<GateOverrideModel>(Prisma.sql`
    SELECT * FROM gate_override WHERE apply_id = ${applyId} AND organization_id = ${organizationId} ORDER BY at, id`);
  return rows.map(({ environment, actor, reason, at }) => ({ environment, by: actor, reason, at }));
}
