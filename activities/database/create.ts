import type { DatabaseRef } from '../../domain/deploy/contract';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import type { DeployPorts } from '../deploy/ports';
import { expected } from '../deploy/work';
import type { DatabaseActivities } from './activities';
import { inspectSteps } from './inspect';
import { branchOf, databaseOf } from './lookup';
import { shapeSteps } from './shape';

/** More branches, or accounts of one, than a database has. */
const ALL = { page: 1, perPage: 10_000 };

/** The steps of databases, branches and accounts over what they act on. */
export function databaseSteps(ports: DeployPorts): DatabaseActivities {
  const { databases, branches, passwords } = ports.deploys;

  const firstBranch = async (ref: DatabaseRef): Promise<BranchRecord> => {
    const { items } = await branches.list(ref.organizationId, ref.databaseId, ALL);
    const first = items.find(({ parent }) => parent === null);
    if (!first) throw new Failure('NOT_FOUND', `database ${ref.databaseId} has no branch`);
    return first;
  };

  const makeable = ({ state }: Pick<DatabaseRecord | BranchRecord, 'state'>): void => {
    if (state !== 'pending' && state !== 'ready')
      throw new Failure('STATE_CONFLICT', `it is ${state}`, { data: { state } });
  };

  return {
    ...inspectSteps(ports),
    ...shapeSteps(ports),

    async beginDatabase(ref) {
      makeable(await databaseOf(ports, ref));
      const { id, adopted } = await firstBranch(ref);
      return { ...ref, branchId: id, adopted };
    },

    async failDatabase(ref) {
      const database = await databases.get(ref.organizationId, ref.databaseId);
      if (database?.state !== 'pending') return;
      const { id } = await firstBranch(ref);
      await branches.update(ref.organizationId, ref.databaseId, id, { state: 'failed' });
      await databases.update(ref.organizationId, ref.databaseId, { state: 'failed' });
    },

    async readyDatabase(ref) {
      makeable(await databaseOf(ports, ref));
      const { id } = await firstBranch(ref);
      await branches.update(ref.organizationId, ref.databaseId, id, { state: 'ready', schemaChangedAt: new Date() });
      await databases.update(ref.organizationId, ref.databaseId, { state: 'ready' });
    },

    async beginBranch(ref) {
      const branch = await branchOf(ports, ref);
      makeable(branch);
      const { organizationId, databaseId, branchId } = ref;
      return { organizationId, databaseId, branchId, adopted: branch.adopted };
    },

    async failBranch(ref) {
      const branch = await branches.get(ref.organizationId, ref.databaseId, ref.branchId);
      if (branch?.state === 'pending')
        await branches.update(ref.organizationId, ref.databaseId, ref.branchId, { state: 'failed' });
    },

    async readyBranch(ref) {
      makeable(await branchOf(ports, ref));
      const change = { state: 'ready', schemaChangedAt: new Date() } as const;
      await branches.update(ref.organizationId, ref.databaseId, ref.branchId, change);
    },

    async branchesOf(ref) {
      // A branch goes before the one that it was made from.
      const { items } = await branches.list(ref.organizationId, ref.databaseId, ALL);
      return items.map(({ id }) => id).toReversed();
    },

    async dropAccounts(ref) {
      const host = await ports.host(await databaseOf(ports, ref));
      const { items } = await passwords.list(ref.organizationId, ref.branchId, ALL);
      for (const { id, username } of items) {
        await expected(async () => await host.dropAccount(username));
        await passwords.remove(ref.organizationId, ref.branchId, id);
      }
    },

    async removeBranch(ref) {
      await branches.remove(ref.organizationId, ref.databaseId, ref.branchId, 'gatewright');
    },

    async removeDatabase(ref) {
      await databases.remove(ref.organizationId, ref.databaseId);
    },

    async makeAccount({ username, role, verifier, ...ref }) {
      const branch = await branchOf(ports, ref);
      if (branch.deletedAt !== null || branch.state !== 'ready')
        throw new Failure('STATE_CONFLICT', `branch ${branch.name} is ${branch.state}`, {
          data: { state: branch.state },
        });
      const host = await ports.host(await databaseOf(ports, ref));
      const account = { username, schema: branch.schema, role, verifier: verifier! };
      await expected(async () => await host.createAccount(account));
    },

    async dropAccount({ username, ...ref }) {
      const host = await ports.host(await databaseOf(ports, ref));
      await expected(async () => await host.dropAccount(username));
    },
  };
}
