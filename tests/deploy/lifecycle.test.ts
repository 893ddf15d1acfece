import { queueWorkflowId } from '../../domain/deploy/contract';
import type { DatabaseRecord } from '../../domain/deploy/database';
import type { DeploymentState } from '../../domain/deploy/states';
import { sagaQuery } from '../../workflows/saga/messages';
import { eventually } from '../support/eventually';
import { ActivityGate } from './support/activity-gate';
import { changes, servers, shop, type Served, type ServerName } from './support/servers';
import { DeployWorld, type Opened } from './support/world';

/*
 * The life of deploy requests, on real databases. `SERVERS=all` tells everything on each of them; without it what the queue
 * and the workflow do by themselves is told on one.
 */

jest.setTimeout(60_000);

const first = servers[0]![0];

describe.each(servers)('%s', (server, start) => {
  const all = process.env['SERVERS'] === 'all' || server === first;
  const sql = changes[server as ServerName];
  let served: Served;
  let world: DeployWorld;
  const gate = new ActivityGate();

  beforeAll(async () => {
    served = await start();
    world = await DeployWorld.start(served.target);
    await world.startWorker([() => ({ inbound: gate })]);
  }, 180_000);
  afterAll(async () => {
    await world?.close();
    await served?.stop();
  });

  const aShop = async (): Promise<DatabaseRecord> => await world.database(shop[server as ServerName]);

  const opened = async (database: DatabaseRecord, name: string, ...statements: string[]): Promise<Opened> =>
    await world.open(database, await world.branch(database, name, statements));

  const schemaOf = async (database: DatabaseRecord): Promise<string> =>
    (await world.branchNamed(database, 'main')).schema;

  const nothingLeft = async (database: DatabaseRecord): Promise<void> =>
    expect(await served.target.engine(await schemaOf(database)).leftovers()).toEqual([]);

  const columns = async (database: DatabaseRecord): Promise<string[]> =>
    (await served.target.model(await schemaOf(database))).tables[0]!.columns.map(({ name }) => name);

  const ended = async (request: Opened, saga: string): Promise<void> => {
    await request.handle.result().catch(() => undefined);
    expect((await request.handle.query(sagaQuery)).state).toBe(saga);
    expect(await world.store.journal.run(request.handle.workflowId)).toMatchObject({ state: saga });
  };

  const waits = async (request: Opened, ...preceding: number[]): Promise<void> =>
    await eventually(async () =>
      expect(await request.handle.query('deployment')).toMatchObject({ state: 'queued', preceding }),
    );

  test('checked, deployed, copied, gated, applied, and complete when nobody wants it reverted', async () => {
    const database = await aShop();
    const request = await opened(database, 'wide', sql.widen, sql.add);
    await request.reaches('ready');
    const operations = () => world.store.deploys.requests.operations(world.organizationId, request.ref.requestId);
    expect(await operations()).toMatchObject([{ table: 'orders', kind: 'ALTER', way: 'shadow', state: 'pending' }]);
    expect(await request.tell('deploy')).toMatchObject({ state: 'queued' });
    await request.reaches('pending_cutover');
    expect(await request.tell('applyDeploy')).toMatchObject({ state: 'in_progress_cutover' });
    const { deployment } = await request.reaches('complete_pending_revert');
    expect(deployment).toMatchObject({ cutoverActor: 'me', error: null });
    expect(deployment.revertWindowEndsAt!.getTime() - deployment.cutoverAt!.getTime()).toBe(60_000);
    expect(await operations()).toMatchObject([{ state: 'complete', percent: 100, rowsCopied: 2000 }]);
    expect(await request.tell('skipRevert')).toMatchObject({ state: 'complete' });
    await ended(request, 'succeeded');
    expect(await columns(database)).toEqual(['id', 'note', 'amount', 'city']);
    await nothingLeft(database);
  });

  test('reverted with everything that was written meanwhile', async () => {
    const database = await aShop();
    const request = await opened(database, 'drop', sql.drop);
    await request.reaches('ready');
    await request.tell('deploy');
    await request.reaches('pending_cutover');
    await request.tell('applyDeploy');
    await request.reaches('complete_pending_revert');
    const schema = await schemaOf(database);
    await served.target.run(schema, ['UPDATE orders SET amount = 7 WHERE id = 3']);
    expect(await request.tell('revert')).toMatchObject({ state: 'in_progress_revert' });
    expect((await request.reaches('complete_revert')).deployment).toMatchObject({ revertActor: 'me' });
    await ended(request, 'succeeded');
    const [row] = await served.target.rows(schema, 'SELECT note, amount FROM orders WHERE id = 3');
    expect(row).toEqual({ note: 'n3', amount: 7 });
    await nothingLeft(database);
  });

  test('a revert that would lose values is refused unless they are given up', async () => {
    const database = await aShop();
    const request = await opened(database, 'city', sql.add);
    await request.reaches('ready');
    await request.tell('deploy');
    await request.reaches('pending_cutover');
    await request.tell('applyDeploy');
    await request.reaches('complete_pending_revert');
    await served.target.run(await schemaOf(database), ["UPDATE orders SET city = 'Oslo' WHERE id = 3"]);
    await expect(request.tell('revert')).rejects.toMatchObject({ cause: { type: 'REVERT_LOSES' } });
    await request.reaches('complete_pending_revert');
    await request.tell('revert', { acceptLosses: true });
    await request.reaches('complete_revert');
    expect(await columns(database)).toEqual(['id', 'note', 'amount']);
    await nothingLeft(database);
  });

  test('cancelled at the gate, everything is as it was, and its place is free', async () => {
    const database = await aShop();
    const before = await served.target.model(await schemaOf(database));
    const request = await opened(database, 'wide', sql.widen);
    await request.reaches('ready');
    await request.tell('deploy');
    await request.reaches('pending_cutover');
    await request.tell('cancel');
    expect((await request.reaches('complete_cancel')).deployment).toMatchObject({ cancelActor: 'me', error: null });
    await ended(request, 'rolled_back');
    expect(await served.target.model(await schemaOf(database))).toEqual(before);
    await nothingLeft(database);
    const next = await opened(database, 'next', sql.add);
    await next.reaches('ready');
    await next.tell('deploy');
    await next.reaches('pending_cutover');
    await next.tell('cancel');
    await ended(next, 'rolled_back');
  });

  if (all)
    test('one after the other, in the order in which they were deployed; the revert window holds the place', async () => {
      const database = await aShop();
      const [first, second, third] = [
        await opened(database, 'one', sql.widen),
        await opened(database, 'two', sql.add),
        await opened(database, 'three', sql.narrowNote),
      ] as const;
      for (const each of [first, third, second]) await each.reaches('ready');
      await first.tell('setAutoApply', { enable: true });
      await first.tell('deploy');
      await first.reaches('complete_pending_revert');
      // That the tables are another's now keeps nobody from waiting for them.
      const fourth = await opened(database, 'four', sql.drop);
      await fourth.reaches('ready');
      await third.tell('deploy');
      await waits(third, 1);
      await second.tell('deploy');
      await waits(second, 1, 3);
      await fourth.tell('deploy');
      await waits(fourth, 1, 3, 2);
      await third.tell('cancel');
      await ended(third, 'rolled_back');
      await waits(fourth, 1, 2);
      await first.tell('skipRevert');
      await second.reaches('pending_cutover');
      await waits(fourth, 2);
      await second.tell('applyDeploy');
      await second.reaches('complete_pending_revert');
      await second.tell('skipRevert');
      await fourth.reaches('pending_cutover');
      await fourth.tell('cancel');
      await Promise.all([ended(first, 'succeeded'), ended(second, 'succeeded'), ended(fourth, 'rolled_back')]);
      await nothingLeft(database);
      const main = await world.branchNamed(database, 'main');
      const queue = queueWorkflowId({ databaseId: database.id, intoBranchId: main.id });
      await world.temporal.client.workflow.getHandle(queue).result();
    });

  test('what cannot be made safely, conflicts, or changes nothing is not deployed', async () => {
    const database = await aShop();
    const nothing = await opened(database, 'same');
    const unsafe = await opened(database, 'narrow', sql.narrow);
    const conflicting = await world.branch(database, 'other', [sql.widen]);
    await nothing.reaches('no_changes');
    expect((await unsafe.reaches('error')).deployment).toMatchObject({
      error: { code: 'SCHEMA_REFUSED' },
      lint: [expect.objectContaining({ table: 'orders' })],
    });
    await served.target.run(await schemaOf(database), ['ALTER TABLE orders DROP COLUMN amount']);
    const conflict = await world.open(database, conflicting);
    expect((await conflict.reaches('error')).deployment.error).toEqual({
      code: 'DEPLOY_CONFLICT',
      message: 'column orders.amount was changed in the branch and dropped in its target',
    });
    for (const request of [nothing, unsafe, conflict]) {
      await expect(request.tell('deploy')).rejects.toMatchObject({ cause: { type: 'STATE_CONFLICT' } });
      await request.tell('close');
      await request.handle.result();
    }
  });

  test('what its target became meanwhile is kept; where both changed the same, it ends before anything is made', async () => {
    const database = await aShop();
    const [kept, refused] = [await opened(database, 'kept', sql.add), await opened(database, 'late', sql.widen)];
    await Promise.all([kept.reaches('ready'), refused.reaches('ready')]);
    const schema = await schemaOf(database);
    await served.target.run(schema, ['ALTER TABLE orders ADD COLUMN meanwhile int']);
    await kept.tell('deploy');
    await kept.reaches('pending_cutover');
    await refused.tell('deploy');
    await waits(refused, kept.ref.number);
    await kept.tell('applyDeploy');
    await kept.reaches('complete_pending_revert');
    expect((await columns(database)).toSorted()).toEqual(['amount', 'city', 'id', 'meanwhile', 'note']);
    const release = gate.close('leave');
    await kept.tell('skipRevert');
    await kept.reaches('complete');
    await served.target.run(schema, ['ALTER TABLE orders DROP COLUMN amount']);
    release();
    await ended(kept, 'succeeded');
    await ended(refused, 'rolled_back');
    expect((await refused.read()).deployment).toMatchObject({ state: 'error', error: { code: 'DEPLOY_CONFLICT' } });
    await nothingLeft(database);
  });

  test('a cut-over that is held up says by whom, waits at the gate again, and can be forced', async () => {
    const database = await aShop();
    const branch = await world.branch(database, 'wide', [sql.widen]);
    const request = await world.open(database, branch, {}, { cutoverMs: 500 });
    await request.reaches('ready');
    await request.tell('deploy');
    await request.reaches('pending_cutover');
    const reader = await served.target.session(await schemaOf(database));
    await reader.execute('BEGIN');
    await reader.query('SELECT count(*) FROM orders');
    await request.tell('applyDeploy');
    await eventually(async () =>
      expect((await request.read()).deployment).toMatchObject({
        state: 'pending_cutover',
        error: { code: 'CHANGE_BLOCKED' },
      }),
    );
    await request.tell('forceCutover');
    await request.reaches('complete_pending_revert');
    reader.destroy();
    await request.tell('skipRevert');
    await ended(request, 'succeeded');
    await nothingLeft(database);
  });

  test('an instant one applies itself, is complete at once, and has no window', async () => {
    const database = await aShop();
    const request = await opened(database, 'city', sql.add);
    await request.reaches('ready');
    await request.tell('deploy', { instant: true });
    const { deployment } = await request.reaches('complete');
    expect(deployment).toMatchObject({ instant: true, cutoverActor: 'auto-apply', revertWindowEndsAt: null });
    await ended(request, 'succeeded');
    expect(await columns(database)).toEqual(['id', 'note', 'amount', 'city']);
    await nothingLeft(database);
  });

  test('a branch goes on from what was deployed of it, and is deleted at the end where that was asked for', async () => {
    const database = await aShop();
    const branch = await world.branch(database, 'feature', [sql.add]);
    const deployed = async (options = {}): Promise<Opened> => {
      const request = await world.open(database, branch, { autoCutover: true, ...options });
      await request.reaches('ready');
      await request.tell('deploy');
      await request.reaches('complete_pending_revert');
      await request.tell('skipRevert');
      await ended(request, 'succeeded');
      return request;
    };
    await deployed();
    // The same column once more: what the target has of it is what the branch had then.
    await served.target.run(branch.schema, [sql.addAgain]);
    await deployed({ autoDeleteBranch: true });
    expect(await columns(database)).toEqual(['id', 'note', 'amount', 'city']);
    await eventually(async () => {
      const { branches } = world.store.deploys;
      expect((await branches.get(world.organizationId, database.id, branch.id))!.deletedAt).not.toBeNull();
    });
  });

  if (all)
    test('a queue that was lost lets nobody in while somebody has the place', async () => {
      const database = await aShop();
      const [first, second, third] = [
        await opened(database, 'one', sql.widen),
        await opened(database, 'two', sql.add),
        await opened(database, 'three', sql.drop),
      ] as const;
      for (const each of [first, second, third]) await each.reaches('ready');
      await first.tell('deploy');
      await first.reaches('pending_cutover');
      await second.tell('deploy');
      await waits(second, 1);
      const main = await world.branchNamed(database, 'main');
      const queue = queueWorkflowId({ databaseId: database.id, intoBranchId: main.id });
      await world.temporal.client.workflow.getHandle(queue).terminate('lost');
      await third.tell('deploy');
      await waits(third, 1, 2);
      await first.tell('cancel');
      await second.reaches('pending_cutover');
      await waits(third, 2);
      await second.tell('cancel');
      await third.reaches('pending_cutover');
      await third.tell('cancel');
      await ended(third, 'rolled_back');
    });

  if (all)
    test('what is said in a state that forbids it changes nothing, and is kept with the reason', async () => {
      const database = await aShop();
      const request = await opened(database, 'wide', sql.widen);
      await request.reaches('ready');
      await request.handle.signal('revert', { by: 'bob' });
      await eventually(async () =>
        expect(await world.store.journal.after(0, { runId: request.handle.workflowId, limit: 10 })).toMatchObject([
          { type: 'message.ignored', message: 'revert', by: 'bob', reason: { code: 'STATE_CONFLICT' } },
        ]),
      );
      await expect(request.tell('applyDeploy')).rejects.toMatchObject({
        cause: {
          type: 'STATE_CONFLICT',
          details: [{ state: 'ready', allowed: expect.arrayContaining(['deploy']) as [] }],
        },
      });
      await expect(request.tell('setThrottle', { ratio: 0.99 })).rejects.toMatchObject({
        cause: { type: 'INVALID_INPUT' },
      });
      await request.tell('close');
      await expect(request.handle.result()).resolves.toBeUndefined();
      expect(await request.read()).toMatchObject({ closedBy: 'me', deployment: { state: 'ready' as DeploymentState } });
    });
});
