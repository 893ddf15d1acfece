import { defaultRolloutSettings, type ApplyEvent, type ApplyRecord, type Asked } from '../domain/rollout/apply';
import type { Blame } from '../domain/rollout/operation';
import { normalState } from '../domain/rollout/states';
import { Prisma } from './generated/sqlite/client';
import type { Database } from './database';
import type { ApplyEventModel, ApplyModel, ApplyOperationModel } from './generated/sqlite/models';
import type { Statements } from './statements';
import { table } from './table';

/** What an apply begins with: nobody has asked for anything. */
export const nothingAsked: Asked = {
  stop: null,
  pause: null,
  cutOver: null,
  cancel: null,
  revert: null,
  acceptLosses: false,
  skipRevert: null,
};

/** A stored apply as the rest of Gatewright sees it. */
export function applyOf(row: ApplyModel): ApplyRecord {
  return {
    id: row.id,
    organizationId: row.organizationId,
    databaseId: row.databaseId,
    number: row.number,
    expected: row.expected,
    state: normalState(row.state),
    determined: row.determined,
    blamed: blamesOf(row.blamed),
    settings: { ...defaultRolloutSettings, ...objectOf(row.settings) },
    asked: { ...nothingAsked, ...objectOf(row.asked) },
    error: row.error,
    startedAt: row.startedAt,
    completedAt: row.completedAt,
    revertWindowEndsAt: row.revertWindowEndsAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    resourceVersion: row.resourceVersion,
  };
}

/** A stored event as the rest of Gatewright sees it. */
export function applyEventOf(row: ApplyEventModel): ApplyEvent {
  return {
    seq: Number(row.seq),
    applyId: row.applyId,
    operationId: row.operationId,
    version: row.version,
    from: normalState(row.fromState),
    to: normalState(row.toState),
    at: row.at,
    text: row.text,
  };
}

/** A row of an operation with every member there is; that it came from a database says nothing of what they hold. */
export type RawOperation = { -readonly [member in keyof ApplyOperationModel]: unknown };

/** As much of one as the state of its apply follows from. */
export type BriefOperation = Pick<
  RawOperation,
  'id' | 'applyId' | 'position' | 'state' | 'onFailure' | 'released' | 'startedAt' | 'deployment' | 'error'
>;

/** All rows of an apply, whatever they hold, by position where they have one. */
export async function rawOperations(statements: Statements, applyId: string): Promise<RawOperation[]> {
  const rows = await statements.rows<RawOperation>(Prisma.sql`
    SELECT * FROM apply_operation WHERE apply_id = ${applyId}
    ORDER BY CASE WHEN position IS NULL THEN 1 ELSE 0 END, position, id`);
  return rows.map(plain);
}

/** One of them; null where the apply has none of that id. */
export async function rawOperation(
  statements: Statements,
  key: { readonly id: string; readonly applyId: string },
): Promise<RawOperation | null> {
  const row = await table<RawOperation>(statements, 'applyOperation').findFirst({ where: key });
  return row && plain(row);
}

/**
 * The same in no order, with no more than the state of the apply follows from: a tenth of the time. They come as one value,
 * because each value that a driver hands over costs more than what is in it.
 */
export async function briefOperations(
  { isPostgres }: Database,
  statements: Statements,
  applyId: string,
): Promise<BriefOperation[]> {
  const brief = Prisma.raw(`id, position, state, on_failure, released, started_at,
    CASE WHEN state = 'failed' THEN deployment END, CASE WHEN state = 'failed' THEN error END`);
  const all = isPostgres
    ? Prisma.sql`CAST(json_agg(json_build_array(${brief})) AS TEXT)`
    : Prisma.sql`json_group_array(json_array(${brief}))`;
  const [row] = await statements.rows<{ operations: string | null }>(
    Prisma.sql`SELECT ${all} AS operations FROM apply_operation WHERE apply_id = ${applyId}`,
  );
  return (JSON.parse(row!.operations ?? '[]') as unknown[][]).map(
    ([id, position, state, onFailure, released, startedAt, deployment, error]) => {
      // SQLite has no truth of its own.
      const isReleased = released === true || released === 1;
      return { id, applyId, position, state, onFailure, released: isReleased, startedAt, deployment, error };
    },
  );
}

/** One literal: there may be very many, and what came together column by column is read ten times slower. */
function plain(row: RawOperation): RawOperation {
  return {
    id: row.id,
    applyId: row.applyId,
    organizationId: row.organizationId,
    databaseId: row.databaseId,
    deploymentId: row.deploymentId,
    deployment: row.deployment,
    environment: row.environment,
    server: row.server,
    schema: row.schema,
    position: row.position,
    state: row.state,
    onFailure: row.onFailure,
    released: row.released,
    epoch: row.epoch,
    worker: row.worker,
    wanted: row.wanted,
    attempts: row.attempts,
    firstFailedAt: row.firstFailedAt,
    error: row.error,
    errorCode: row.errorCode,
    waits: row.waits,
    startedAt: row.startedAt,
    cutOverAt: row.cutOverAt,
    completedAt: row.completedAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    resourceVersion: row.resourceVersion,
  };
}

function objectOf(json: string): object {
  const value = parsed(json);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function blamesOf(json: string): Blame[] {
  const value = parsed(json);
  return Array.isArray(value) ? (value as Blame[]) : [];
}

/** Null for what is no JSON: a row that was changed by hand is shown all the same. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
