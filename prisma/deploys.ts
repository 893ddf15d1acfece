import type { Database } from './database';
import { StoredBranches } from './deploy-branches';
import { StoredDatabases } from './deploy-databases';
import { StoredBranchPasswords } from './deploy-passwords';
import { StoredDeployRequests } from './deploy-requests';
import type { Deploys } from './deploy-store';

/** {@link Deploys} in the database. */
export function storedDeploys(database: Database): Deploys {
  return {
    databases: new StoredDatabases(database),
    branches: new StoredBranches(database),
    passwords: new StoredBranchPasswords(database),
    requests: new StoredDeployRequests(database),
  };
}
