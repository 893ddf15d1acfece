import { isFailure } from '../../domain/failures';
import { ATTEMPTS } from '../../prisma/versioned';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';
import { sandbox } from './sandbox';

const key = { id: 'id-1' };

onBoth('compare-and-swap', (databases) => {
  const table = async (url?: string) => sandbox((await databases.database(url)).database);

  test('32 writers on one row lose no update, and the versions are contiguous', async () => {
    const url = await databases.migrated();
    // Two stores, as two processes have them.
    const tables = [await table(url), await table(url)];
    await tables[0]!.rows.putIf(key, 'MustCreate', tables[0]!.values('[]'));
    const landed = await Promise.all(
      range(32).map(async (writer) => {
        for (;;) {
          try {
            const row = await tables[writer % 2]!.rows.update(key, ({ address }) => ({
              address: JSON.stringify([...(JSON.parse(address) as number[]), writer]),
            }));
            return row.resourceVersion;
          } catch (error) {
            if (!isFailure(error) || error.code !== 'CONFLICT') throw error; // after five lost attempts: the caller's turn
          }
        }
      }),
    );
    expect(landed.sort((a, b) => a - b)).toEqual(range(32).map((index) => index + 2));
    const row = await tables[0]!.rows.get(key);
    expect(row.resourceVersion).toBe(33);
    expect((JSON.parse(row.address) as number[]).sort((a, b) => a - b)).toEqual(range(32));
  });

  test('of writers that name one version exactly one succeeds, and the others are told the present one', async () => {
    const { rows, values } = await table();
    await rows.putIf(key, 'MustCreate', values('v1'));
    const outcomes = await Promise.allSettled(
      range(16).map((n) => rows.putIf(key, { MatchResourceVersion: 1 }, { address: `w${n}` })),
    );
    expect(valuesOf(outcomes).map((row) => row.resourceVersion)).toEqual([2]);
    expect(codesOf(outcomes)).toEqual(range(15).map(() => 'CONFLICT'));
    const failure = await failureOf(rows.putIf(key, { MatchResourceVersion: 1 }, { address: 'late' }));
    expect(failure.data).toMatchObject({ currentVersion: 2 });
  });

  test('a change that names a version gets exactly one attempt', async () => {
    const { rows, values } = await table();
    await rows.putIf(key, 'MustCreate', values('v1'));
    let calls = 0;
    const change = async () => {
      calls++;
      await rows.putIf(key, 'Unconditional', { address: 'in between' });
      return { address: 'lost' };
    };
    expect(await failureOf(rows.update(key, change, 1))).toMatchObject({
      code: 'CONFLICT',
      data: { currentVersion: 2 },
    });
    expect(calls).toBe(1);
    expect(await failureOf(rows.update(key, change, 1))).toMatchObject({ code: 'CONFLICT' });
    expect(calls).toBe(1); // a version that is stale already is not even computed for
    expect((await rows.get(key)).address).toBe('in between');
  });

  test('one that names none gets five, each on a fresh read', async () => {
    const { rows, values } = await table();
    await rows.putIf(key, 'MustCreate', values('0'));
    const seen: number[] = [];
    const disturbed = (times: number) =>
      rows.update(key, async ({ address, resourceVersion }) => {
        seen.push(resourceVersion);
        if (seen.length <= times) await rows.putIf(key, 'Unconditional', { address: String(Number(address) + 1) });
        return { address: `${address}!` };
      });
    expect((await disturbed(ATTEMPTS - 1)).address).toBe('4!');
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    await rows.putIf(key, 'Unconditional', { address: '0' });
    seen.length = 0;
    const failure = await failureOf(disturbed(ATTEMPTS));
    expect(failure).toMatchObject({ code: 'CONFLICT', data: { currentVersion: 12, attempts: 5 } });
    expect(seen).toHaveLength(5);
    expect((await rows.get(key)).address).toBe('5');
  });

  test('an absent row is told from a stale version', async () => {
    const { rows, values } = await table();
    expect(await failureOf(rows.putIf(key, { MatchResourceVersion: 1 }, values('x')))).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await failureOf(rows.update(key, () => ({ address: 'x' })))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await rows.deleteIf(key, { MatchResourceVersion: 1 })).toBe(false);
    await rows.putIf(key, 'MustCreate', values('v1'));
    expect(await failureOf(rows.deleteIf(key, { MatchResourceVersion: 2 }))).toMatchObject({
      code: 'CONFLICT',
      data: { currentVersion: 1 },
    });
    expect(await rows.deleteIf(key, { MatchResourceVersion: 1 })).toBe(true);
    expect(await rows.find(key)).toBeNull();
  });

  test('an unconditional write makes the row or raises its version', async () => {
    const { rows, values } = await table();
    expect((await rows.putIf(key, 'Unconditional', values('v1'))).resourceVersion).toBe(1);
    expect(await rows.putIf(key, 'Unconditional', values('v2'))).toMatchObject({ resourceVersion: 2, address: 'v2' });
    expect(await failureOf(rows.putIf(key, 'MustCreate', values('v3')))).toMatchObject({
      code: 'CONFLICT',
      data: { reason: 'UniqueViolation', currentVersion: 2 },
    });
  });

  test('identity does not change', async () => {
    const { rows, values } = await table();
    await rows.putIf(key, 'MustCreate', values('v1'));
    for (const change of [{ organizationId: 'scope-2' }, { openReplicaId: 'sandbox-2' }]) {
      expect(await failureOf(rows.putIf(key, 'Unconditional', change))).toMatchObject({ code: 'INVALID_INPUT' });
      expect(await failureOf(rows.putIf(key, { MatchResourceVersion: 1 }, change))).toMatchObject({
        code: 'INVALID_INPUT',
      });
      expect(await failureOf(rows.update(key, () => change))).toMatchObject({ code: 'INVALID_INPUT' });
    }
    expect(await rows.get(key)).toMatchObject({
      resourceVersion: 1,
      organizationId: 'scope-1',
      openReplicaId: 'sandbox-1',
    });
  });

  test('several rows change in one transaction or not at all', async () => {
    const { database } = await databases.database();
    const { rows, values } = sandbox(database);
    await rows.putIf({ id: 'a' }, 'MustCreate', values('v1', 'a'));
    await rows.putIf({ id: 'b' }, 'MustCreate', values('v1', 'b'));
    const both = (versionOfB: number) =>
      database.transaction(async (client) => {
        await rows.putIf({ id: 'a' }, { MatchResourceVersion: 1 }, { address: 'v2' }, client);
        await rows.putIf({ id: 'b' }, { MatchResourceVersion: versionOfB }, { address: 'v2' }, client);
      });
    expect(await failureOf(both(99))).toMatchObject({ code: 'CONFLICT', data: { currentVersion: 1 } });
    expect((await rows.get({ id: 'a' })).address).toBe('v1');
    await both(1);
    expect([(await rows.get({ id: 'a' })).address, (await rows.get({ id: 'b' })).address]).toEqual(['v2', 'v2']);
  });
});
