import { isFailure } from '../../domain/failures';
import type { Database } from '../../prisma/database';
import type { Store } from '../../prisma/store';
import { mintToken } from '../../prisma/token-secret';
import { codesOf, failureOf, range, valuesOf } from './on-both';
import { sandbox } from './sandbox';

export interface ApiCase {
  readonly name: string;
  readonly given: readonly Readonly<Record<string, unknown>>[];
  readonly do: readonly Readonly<Record<string, unknown>>[];
  readonly expected: Readonly<Record<string, unknown>>;
}

interface Setting {
  readonly database: Database;
  readonly store: Store;
}

const key = { id: 'id-1' };

async function freeReplica({ pool }: Store, name: string): Promise<void> {
  await pool.register({ id: name, name, secretHash: 'hash' });
  await pool.announce({ id: name, secretHash: 'hash', address: '127.0.2.1:80', servingEpoch: 0 });
}

const hold = (allocationId: string) => ({
  allocationId,
  organizationId: 'org-1',
  hostname: 'org-1.test',
  runId: `run-${allocationId}`,
});

function token(id: string) {
  return { id, name: 'ci', secretHash: 'hash', scope: 'read' as const, organizationId: null, expiresAt: null };
}

/** What the cases of other systems' APIs and lifecycles mean in this store, by the case's name. */
export const apiRows: Readonly<Record<string, (setting: Setting, row: ApiCase) => Promise<void>>> = {
  'concurrent create of one name': async ({ store }, { do: [action], expected }) => {
    const outcomes = await Promise.allSettled(
      range(action!['concurrent'] as number).map(() => store.tokens.create(token('t1'))),
    );
    expect(valuesOf(outcomes)).toHaveLength(expected['ok'] as number);
    expect(codesOf(outcomes)).toEqual(range(expected['ALREADY_EXISTS'] as number).map(() => 'CONFLICT'));
  },

  'a stale update must not overwrite a secret as a side effect': async (
    { database },
    { given: [given], do: [action], expected },
  ) => {
    const { rows, values } = sandbox(database);
    await rows.putIf(key, 'MustCreate', values(given!['credential'] as string));
    const version = (action!['metadata'] as { resource_version: number }).resource_version;
    const update = rows.putIf(key, { MatchResourceVersion: version }, { address: action!['credential'] as string });
    expect(await failureOf(update)).toMatchObject({ code: 'CONFLICT', data: { currentVersion: given!['version'] } });
    expect((await rows.get(key)).address).toBe(expected['credential']);
  },

  // The loser's material is the replica it took before it lost.
  'first configure race: only the winner leaves material behind; loser staged material is cleaned': async (
    { store },
    { do: [action], expected },
  ) => {
    const racers = range(action!['concurrent'] as number);
    for (const racer of racers) await freeReplica(store, `replica-${racer}`);
    const outcomes = await Promise.allSettled(racers.map((racer) => store.pool.allocate(hold(`allocation-${racer}`))));
    expect(valuesOf(outcomes)).toHaveLength(expected['ok'] as number);
    const [winner] = valuesOf(outcomes);
    const held = (await store.pool.replicas()).filter(({ allocationId }) => allocationId !== null);
    expect(held.map(({ id, allocationId }) => [id, allocationId])).toEqual([[winner!.replicaId, winner!.id]]);
    expect(await store.pool.allocations({ limit: 10 })).toHaveLength(1);
  },

  'attach with the correct expected_resource_version': async ({ database }) => {
    const { rows, values } = sandbox(database);
    const { resourceVersion } = await rows.putIf(key, 'MustCreate', values('detached'));
    const attached = await rows.putIf(key, { MatchResourceVersion: resourceVersion }, { address: 'attached' });
    expect(attached).toMatchObject({ address: 'attached', resourceVersion: resourceVersion + 1 });
  },

  'detach with a stale expected_resource_version': async ({ database }, { do: [action] }) => {
    const { rows, values } = sandbox(database);
    const before = await rows.putIf(key, 'MustCreate', values('attached'));
    const MatchResourceVersion = action!['expected_resource_version'] as number;
    expect(await failureOf(rows.putIf(key, { MatchResourceVersion }, { address: 'detached' }))).toMatchObject({
      code: 'CONFLICT',
    });
    expect(await rows.get(key)).toEqual(before);
  },

  'concurrent session create yields no duplicate token': async ({ store }, { do: [action], expected }) => {
    const minted = range(action!['concurrent'] as number).map(mintToken);
    const outcomes = await Promise.allSettled(
      minted.map(({ id, hash }) => store.tokens.create({ ...token(id), secretHash: hash })),
    );
    expect(valuesOf(outcomes)).toHaveLength(expected['ok'] as number);
    const stored = await Promise.all(minted.map(({ id }) => store.tokens.find(id)));
    expect(new Set(stored.map((row) => row?.secretHash))).toEqual(new Set(minted.map(({ hash }) => hash)));
    expect(new Set(minted.map(({ text }) => text)).size).toBe(minted.length);
  },

  // The mutex of the case is compare-and-swap here: whoever loses reads again.
  '50 locked settings writers all land': async ({ database }, { do: [action], expected }) => {
    const { rows, values } = sandbox(database);
    const write = async (writer: number): Promise<void> => {
      const present = await rows.find(key);
      const settings = { ...(JSON.parse(present?.address ?? '{}') as object), [`key_${writer}`]: true };
      if (present)
        await rows.putIf(key, { MatchResourceVersion: present.resourceVersion }, { address: JSON.stringify(settings) });
      else await rows.putIf(key, 'MustCreate', values(JSON.stringify(settings)));
    };
    const landed = range(action!['concurrent'] as number).map(async (writer) => {
      while (!(await write(writer).then(() => true, lostTheRace)));
    });
    expect(await Promise.all(landed)).toHaveLength(expected['ok'] as number);
    const row = await rows.get(key);
    expect(row.resourceVersion).toBe(expected['revision']);
    expect(Object.keys(JSON.parse(row.address) as object)).toHaveLength(expected['keys'] as number);
  },

  'mergeable batches: both survive (server retries the merge up to 5 times)': async (
    { database },
    { do: [action], expected },
  ) => {
    const { rows, values } = sandbox(database);
    await rows.putIf(key, 'MustCreate', values('[]'));
    const merge = (batch: number) =>
      rows.update(key, ({ address }) => ({ address: JSON.stringify([...(JSON.parse(address) as number[]), batch]) }));
    const merged = await Promise.all(range(action!['concurrent'] as number).map(merge));
    expect(merged.map(({ resourceVersion }) => resourceVersion).sort()).toEqual(expected['versions']);
    expect((JSON.parse((await rows.get(key)).address) as number[]).sort()).toEqual(
      range(action!['concurrent'] as number),
    );
  },

  'reviewed batch on a stale snapshot applies nothing': async ({ database }, { expected }) => {
    const { rows, values } = sandbox(database);
    const ids = ['a', 'b', 'c'];
    const reviewed = await Promise.all(ids.map((id) => rows.putIf({ id }, 'MustCreate', values('pending', id))));
    await rows.putIf({ id: 'c' }, 'Unconditional', { address: 'changed since' });
    const batch = database.transaction(async (client) => {
      for (const { id, resourceVersion } of reviewed)
        await rows.putIf({ id }, { MatchResourceVersion: resourceVersion }, { address: 'approved' }, client);
    });
    expect(await failureOf(batch)).toMatchObject({ code: 'CONFLICT' });
    const applied = (await Promise.all(ids.map((id) => rows.get({ id })))).filter(
      ({ address }) => address === 'approved',
    );
    expect(applied).toHaveLength(expected['applied'] as number);
  },

  'conditional reject loses to an approval': async ({ database }, { expected }) => {
    const { rows, values } = sandbox(database);
    const observed = await rows.putIf(key, 'MustCreate', values('pending'));
    await rows.update(key, () => ({ address: 'approved' }));
    const reject = rows.update(key, () => ({ address: 'rejected' }), observed.resourceVersion);
    expect(await failureOf(reject)).toMatchObject({ code: 'CONFLICT', data: { currentVersion: 2 } });
    expect((await rows.get(key)).address).toBe(expected['final']);
  },

  // Deleting is `stopping` here, and Ready `live`.
  'status update from the driver is a no-op while deleting (no write, no watch event)': async ({ store }) => {
    await freeReplica(store, 'replica-1');
    await store.pool.allocate(hold('allocation-1'));
    const before = await store.pool.move('allocation-1', ['starting'], 'stopping');
    const late = store.pool.move('allocation-1', ['starting'], 'live');
    expect(await failureOf(late)).toMatchObject({ code: 'STATE_CONFLICT', data: { state: 'stopping' } });
    expect(await store.pool.allocation('allocation-1')).toEqual(before);
    expect(await store.journal.head()).toBe(0);
  },

  'driver completion tolerates the watcher removing the row first': async ({ store }) => {
    await freeReplica(store, 'replica-1');
    await store.pool.allocate(hold('allocation-1'));
    await Promise.all([store.pool.release(hold('allocation-1')), store.pool.release(hold('allocation-1'))]);
    await store.pool.release(hold('allocation-1'));
    expect(await store.pool.allocation('allocation-1')).toMatchObject({ state: 'released' });
    expect((await store.pool.replicas()).map(({ allocationId }) => allocationId)).toEqual([null]);
  },
};

function lostTheRace(error: unknown): false {
  if (isFailure(error) && error.code === 'CONFLICT') return false;
  throw error;
}
