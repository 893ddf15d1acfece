import { StoredApplies } from './applies';
import type { RolloutStore } from './apply-store';
import type { Database } from './database';
import { StoredDeployments } from './deployments';
import { StoredSchemaLocks } from './schema-locks';

/** {@link RolloutStore} in the database. */
export function storedRollouts(database: Database): RolloutStore {
  return {
    deployments: new StoredDeployments(database),
    applies: new StoredApplies(database),
    locks: new StoredSchemaLocks(database),
  };
}
