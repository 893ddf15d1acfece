import type { BranchRef, DatabaseRef } from '../../domain/deploy/contract';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import type { OwnedSchema } from '../../drivers/database/host';
import type { DeployPorts } from '../deploy/ports';

/** @throws Failure NOT_FOUND */
export async function databaseOf({ deploys }: DeployPorts, ref: DatabaseRef): Promise<DatabaseRecord> {
  const database = await deploys.databases.get(ref.organizationId, ref.databaseId);
  if (!database) throw new Failure('NOT_FOUND', `there is no database ${ref.databaseId}`);
  return database;
}

/** @throws Failure NOT_FOUND */
export async function branchOf({ deploys }: DeployPorts, ref: BranchRef): Promise<BranchRecord> {
  const branch = await deploys.branches.get(ref.organizationId, ref.databaseId, ref.branchId);
  if (!branch) throw new Failure('NOT_FOUND', `there is no branch ${ref.branchId}`);
  return branch;
}

/** The schema of a branch, as its server knows whose it is. */
export function owned({ schema, id }: BranchRecord): OwnedSchema {
  return { name: schema, owner: id };
}
