import type {
  BranchPassword,
  BranchRecord,
  BranchRole,
  DatabaseKind,
  DatabaseRecord,
  DatabaseSettings,
  ResourceState,
} from '../domain/deploy/database';
import { defaultDatabaseSettings } from '../domain/deploy/database';
import type {
  DeployOperation,
  DeployRequest,
  DeployReview,
  OperationState,
  StorageNeed,
} from '../domain/deploy/request';
import type { DeploymentState } from '../domain/deploy/states';
import type { CutoverPolicy } from '../domain/rollout/claims';
import type { FailureView } from '../domain/saga';
import type { OperationKind, Rename } from '../domain/schema/change';
import type { LintMessage } from '../domain/schema/lint-codes';
import type { DeploymentNotes } from './deploy-store';
import type {
  BranchPasswordModel,
  BranchRecordModel,
  DatabaseRecordModel,
  DeployOperationModel,
  DeployRequestModel,
  DeployReviewModel,
} from './generated/sqlite/models';

/** A stored database as the rest of Gatewright sees it. */
export function databaseOf({ settings, kind, state, ...row }: DatabaseRecordModel): DatabaseRecord {
  return { ...row, kind: kind as DatabaseKind, state: state as ResourceState, settings: settingsOf(settings) };
}

/** Settings that came later than the row have their defaults. */
export function settingsOf(json: string): DatabaseSettings {
  const given = JSON.parse(json) as Partial<DatabaseSettings>;
  return { ...defaultDatabaseSettings, ...given, rollout: { ...defaultDatabaseSettings.rollout, ...given.rollout } };
}

/** A stored branch as the rest of Gatewright sees it. */
export function branchOf({ liveName: _, state, ...row }: BranchRecordModel): BranchRecord {
  return { ...row, state: state as ResourceState };
}

/** A stored account as the rest of Gatewright sees it. */
export function passwordOf({ role, ...row }: BranchPasswordModel): BranchPassword {
  return { ...row, role: role as BranchRole };
}

/** A stored deploy request as the rest of Gatewright sees it. */
export function requestOf(row: DeployRequestModel): DeployRequest {
  return {
    id: row.id,
    organizationId: row.organizationId,
    databaseId: row.databaseId,
    number: row.number,
    branchId: row.branchId,
    branch: row.branch,
    intoBranchId: row.intoBranchId,
    intoBranch: row.intoBranch,
    notes: row.notes,
    renames: JSON.parse(row.renames) as Rename[],
    actor: row.actor,
    closedBy: row.closedBy,
    closedAt: row.closedAt,
    deployedAt: row.deployedAt,
    deployment: {
      state: row.state as DeploymentState,
      autoCutover: row.autoCutover,
      autoDeleteBranch: row.autoDeleteBranch,
      instant: row.instant,
      instantEligible: row.instantEligible,
      throttle: row.throttle,
      lint: JSON.parse(row.lint) as LintMessage[],
      error: row.error === null ? null : (JSON.parse(row.error) as FailureView),
      storage: row.storage === null ? null : (JSON.parse(row.storage) as StorageNeed),
      cutover: row.cutover as CutoverPolicy | null,
      cutoverActor: row.cutoverActor,
      cancelActor: row.cancelActor,
      revertActor: row.revertActor,
      queuedAt: row.queuedAt,
      submittedAt: row.submittedAt,
      startedAt: row.startedAt,
      readyToCutoverAt: row.readyToCutoverAt,
      cutoverAt: row.cutoverAt,
      forceCutoverRequestedAt: row.forceCutoverRequestedAt,
      revertWindowEndsAt: row.revertWindowEndsAt,
      finishedAt: row.finishedAt,
    },
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    resourceVersion: row.resourceVersion,
  };
}

/** What is noted of a deploy request, as its row holds it; members that are undefined are not noted. */
export function requestRow({ lint, error, storage, ...plain }: DeploymentNotes): Partial<DeployRequestModel> {
  const given = Object.entries(plain).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(given) as Partial<DeployRequestModel>),
    ...(lint !== undefined && { lint: JSON.stringify(lint) }),
    ...(error !== undefined && { error: error && JSON.stringify(error) }),
    ...(storage !== undefined && { storage: storage && JSON.stringify(storage) }),
  };
}

/** A stored operation as the rest of Gatewright sees it. */
export function operationOf({ databaseId: _, tableName, ...row }: DeployOperationModel): DeployOperation {
  return {
    ...row,
    table: tableName,
    kind: row.kind as OperationKind,
    state: row.state as OperationState,
    rowsCopied: Number(row.rowsCopied),
  };
}

/** A stored review as the rest of Gatewright sees it. */
export function reviewOf({ databaseId: _, state, ...row }: DeployReviewModel): DeployReview {
  return { ...row, state: state as DeployReview['state'] };
}
