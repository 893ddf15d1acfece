import { randomUUID } from 'node:crypto';
import { defaultDatabaseSettings, type BranchPassword, type BranchRecord } from '../../domain/deploy/database';
import type { DeploymentMoveName } from '../../domain/deploy/states';
import type { NewBranch, NewDatabase, NewDeployRequest, NewOperation } from '../../prisma/deploy-store';
import type { Store } from '../../prisma/store';

/** The organization of most tests, and one that must see nothing of it. */
export const organizationId = '6f1f4c1e-0d3a-4c57-9d1d-3c1f5b7a9e01';
export const stranger = '6f1f4c1e-0d3a-4c57-9d1d-3c1f5b7a9e02';

export const allOnOnePage = { page: 1, perPage: 100 } as const;

export function newBranch(change: Partial<NewBranch> = {}): NewBranch {
  return {
    ...{ id: randomUUID(), name: 'main', parent: null, schema: 'shop', adopted: true },
    ...{ production: true, safeMigrations: false, createdBy: 'ada' },
    ...change,
  };
}

export function newDatabase(change: Partial<NewDatabase> = {}): NewDatabase {
  return {
    ...{ id: randomUUID(), organizationId, name: 'shop', kind: 'mysql', server: 'mariadb', notes: '' },
    ...{ settings: defaultDatabaseSettings, branch: newBranch() },
    ...change,
  };
}

export function newPassword(
  { branch }: { readonly branch: Pick<BranchRecord, 'id' | 'databaseId'> },
  change: Partial<BranchPassword> = {},
): Omit<BranchPassword, 'createdAt' | 'deletedAt'> {
  return {
    ...{ id: randomUUID(), branchId: branch.id, databaseId: branch.databaseId, organizationId, name: 'app' },
    ...{ role: 'readwriter', username: `gw_${randomUUID()}`, createdBy: 'ada', expiresAt: null },
    ...change,
  };
}

export function newOperation(table: string, change: Partial<NewOperation> = {}): NewOperation {
  return {
    ...{ id: randomUUID(), kind: 'ALTER', table, ddl: `ALTER TABLE ${table} ADD note text;`, way: 'copied' },
    ...{ because: 'a column is added', canDropData: false, recentlyUsedAt: null },
    ...change,
  };
}

export function namesOf({ items }: { readonly items: readonly { readonly name: string }[] }): string[] {
  return items.map(({ name }) => name);
}

/** A database with a branch beside the one that it began with. */
export async function databaseOn(store: Store) {
  const { databases, branches, requests } = store.deploys;
  const database = await databases.create(newDatabase());
  const main = (await branches.named(organizationId, database.id, 'main'))!;
  const branch = await branches.create(
    organizationId,
    database.id,
    newBranch({ name: 'feature', parent: 'main', schema: 'shop_feature', adopted: false, production: false }),
  );
  const newRequest = (change: Partial<NewDeployRequest> = {}): NewDeployRequest => ({
    ...{ id: randomUUID(), organizationId, databaseId: database.id, notes: 'a note', actor: 'ada' },
    ...{ branchId: branch.id, branch: branch.name, intoBranchId: main.id, intoBranch: main.name },
    ...{ autoCutover: false, autoDeleteBranch: false, throttle: 0.25 },
    ...change,
  });
  return {
    database,
    main,
    branch,
    newRequest,
    open: (change: Partial<NewDeployRequest> = {}) => requests.open(newRequest(change)),
    /** Opens a request and moves it along. */
    async at(...moves: DeploymentMoveName[]) {
      let request = await requests.open(newRequest());
      for (const move of moves)
        request =
          move === 'deploy'
            ? await requests.deployed(organizationId, request.id, false)
            : await requests.move(organizationId, request.id, move);
      return request;
    },
  };
}
