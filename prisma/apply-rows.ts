import { defaultRolloutSettings, type ApplyEvent, type ApplyRecord, type Asked } from '../domain/rollout/apply';
import type { Blame } from '../domain/rollout/operation';
import { normalState } from '../domain/rollout/states';
import type { ApplyEventModel, ApplyModel } from './generated/sqlite/models';

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
