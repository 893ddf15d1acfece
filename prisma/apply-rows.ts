import { defaultRolloutSettings, type ApplyEvent, type ApplyRecord, type Asked } from '../domain/rollout/apply';
import type { Blame } from '../domain/rollout/operation';
import { normalState } from '../domain/rollout/states';
import { Prisma } from './generated/sqlite/client';
import type { ApplyEventModel, ApplyModel, ApplyOperationModel } from './generated/sqlite/models';
import type { Statements } from './statements';

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

/** All rows of an apply, whatever they hold, by position where they have one. */
export async function rawOperations(statements: Statements, applyId: string): Promise<RawOperation[]> {
  const rows = await statements.rows<RawOperation>(Prisma.sql`
    SELECT * FROM apply_operation WHERE apply_id = ${applyId}
    ORDER BY CASE WHEN position IS NULL THEN 1 ELSE 0 END, position, id`);
  return rows.map(plain);
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
