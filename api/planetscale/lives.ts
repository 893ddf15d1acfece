import type { BranchLife, DatabaseLife, DatabaseRef, DeployLife, PasswordLife } from '../../domain/deploy/contract';
import type { BranchPassword, BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import type { DeployRequest } from '../../domain/deploy/request';
import { defaultDeployPolicy, type DeployPolicy } from '../../domain/deploy/states';
import type { RunPolicy } from '../../domain/run-policy';
import type { Settings } from '../../domain/settings';

interface Policies {
  readonly policy: RunPolicy;
  readonly deploy: DeployPolicy;
}

/** What workflows are told of databases, branches and requests. */
export class Lives {
  constructor(private readonly settings: Settings) {}

  policies(revertWindowMs?: number): Policies {
    const deploy = this.settings.databases?.policy ?? defaultDeployPolicy;
    return {
      policy: this.settings.policy,
      deploy: revertWindowMs === undefined ? deploy : { ...deploy, revertWindowMs },
    };
  }

  database(database: DatabaseRecord): DatabaseLife {
    return { ...refOf(database), ...this.policies() };
  }

  branch({ organizationId, databaseId, id }: BranchRecord): BranchLife {
    return { organizationId, databaseId, branchId: id, ...this.policies() };
  }

  /** The revert window is that of the database when the request was opened. */
  request({ settings }: Pick<DatabaseRecord, 'settings'>, request: DeployRequest): DeployLife {
    const { organizationId, databaseId, id, number, intoBranchId } = request;
    return {
      ...{ organizationId, databaseId, requestId: id, number, intoBranchId },
      ...this.policies(settings.revertWindowMs),
    };
  }
}

export function refOf({ organizationId, id }: DatabaseRecord): DatabaseRef {
  return { organizationId, databaseId: id };
}

/** What the workflow of an account is told that is to go. */
export function passwordLife(
  lives: Lives,
  branch: Pick<BranchRecord, 'organizationId' | 'databaseId' | 'id'>,
  { id, username, role }: Pick<BranchPassword, 'id' | 'username' | 'role'>,
): PasswordLife {
  const { organizationId, databaseId } = branch;
  const ref = { organizationId, databaseId, branchId: branch.id };
  return { ...ref, ...lives.policies(), passwordId: id, username, role, verifier: null };
}
