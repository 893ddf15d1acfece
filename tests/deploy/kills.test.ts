import type { DatabaseRecord } from '../../domain/deploy/database';
import { eventually } from '../support/eventually';
import { openAttempts } from '../support/saga-holds';
import { KillRig, type Victim } from './support/kill-rig';
import { changes, shop } from './support/servers';
import type { Opened } from './support/world';

/*
 * kill -9 of the worker, the database and Temporal around every step. Whatever was killed: a request ends where its table
 * says, its place is given back once, its window ends when it was to end, and nothing of it is left in the database.
 */

jest.setTimeout(120_000);

const sql = changes.MariaDB;
let rig: KillRig;
beforeAll(async () => {
  rig = await KillRig.start();
}, 180_000);
afterAll(async () => await rig?.close());

/** What is done with a request, and where it ends. */
const stories = {
  complete: { end: 'complete', columns: ['id', 'note', 'amount', 'city'] },
  reverted: { end: 'complete_revert', columns: ['id', 'note', 'amount'] },
  cancelled: { end: 'complete_cancel', columns: ['id', 'note', 'amount'] },
} as const;
type Story = keyof typeof stories;

const cases: readonly (readonly [story: Story, activity: string, when: 'before' | 'after', victim: Victim])[] = [
  ['complete', 'check', 'after', 'worker'],
  ['complete', 'accept', 'after', 'worker'],
  ['complete', 'join', 'after', 'worker'],
  ['complete', 'prepareChange', 'after', 'worker'],
  ['complete', 'copy', 'before', 'database'],
  ['complete', 'copy', 'after', 'worker'],
  ['complete', 'prove', 'before', 'temporal'],
  ['complete', 'prove', 'after', 'worker'],
  ['complete', 'follow', 'before', 'worker'],
  ['complete', 'follow', 'before', 'database'],
  ['complete', 'cutOver', 'before', 'database'],
  ['complete', 'cutOver', 'after', 'worker'],
  ['complete', 'cutOver', 'after', 'temporal'],
  ['complete', 'finish', 'before', 'database'],
  ['complete', 'finish', 'after', 'worker'],
  ['complete', 'leave', 'after', 'worker'],
  ['reverted', 'refuseLosses', 'after', 'worker'],
  ['reverted', 'revert', 'before', 'database'],
  ['reverted', 'revert', 'after', 'worker'],
  ['reverted', 'revert', 'after', 'temporal'],
  ['cancelled', 'takeBack', 'before', 'database'],
  ['cancelled', 'takeBack', 'after', 'worker'],
  ['cancelled', 'takeBack', 'before', 'temporal'],
  ['cancelled', 'leave', 'before', 'worker'],
];

/** Tells a request something, as often as it takes until somebody hears it. */
async function tell(request: Opened, ...[signal, told]: Parameters<Opened['tell']>): Promise<void> {
  await eventually(async () => {
    const { state } = await request.tell(signal, told).catch(async (error: unknown) => {
      // The answer to an earlier one may have been lost.
      const { cause } = error as { cause?: { type?: string } };
      if (cause?.type !== 'STATE_CONFLICT') throw error;
      return (await request.read()).deployment;
    });
    expect(state).toBeDefined();
  }, 60_000);
}

async function play(request: Opened, story: Story): Promise<void> {
  await request.reaches('ready', 60_000);
  await tell(request, 'deploy');
  await request.reaches('pending_cutover', 60_000);
  if (story === 'cancelled') return await tell(request, 'cancel');
  await tell(request, 'applyDeploy');
  await request.reaches('complete_pending_revert', 60_000);
  await tell(request, story === 'reverted' ? 'revert' : 'skipRevert');
}

test.each(cases)('%s: at %s, %s its effect, kill -9 of %s', async (story, activity, when, victim) => {
  const { world } = rig;
  const database: DatabaseRecord = await world.database(shop.MariaDB);
  const { schema } = await world.branchNamed(database, 'main');
  const branch = await world.branch(database, 'feature', [sql.add]);
  rig.breakPoints.set({ step: activity, phase: 'do', when });
  const request = await world.open(database, branch);
  const played = play(request, story);
  played.catch(() => undefined);
  await eventually(() => expect(rig.breakPoints.wasReached).toBe(true), 60_000);
  await rig.kill(victim);
  rig.breakPoints.clear();
  await rig.restart(victim);
  await played;
  const { deployment } = await request.reaches(stories[story].end, 60_000);
  await eventually(async () => expect((await request.handle.describe()).status.name).not.toBe('RUNNING'), 30_000);
  if (deployment.cutoverAt)
    expect(deployment.revertWindowEndsAt!.getTime() - deployment.cutoverAt.getTime()).toBe(600_000);
  const model = await world.target.model(schema);
  expect(model.tables.map(({ columns }) => columns.map(({ name }) => name))).toEqual([stories[story].columns]);
  expect(await world.target.rows(schema, 'SELECT count(*) AS n, sum(amount) AS s FROM orders')).toEqual([
    { n: '2000', s: '2001000' },
  ]);
  expect(await world.target.engine(schema).leftovers()).toEqual([]);
  expect(await world.store.deploys.requests.inLine(world.organizationId, database.id)).toEqual([]);
  const { workflowId: runId } = request.handle;
  await eventually(async () =>
    expect(openAttempts(await world.store.journal.after(0, { runId, limit: 1_000 }))).toEqual([]),
  );
  // The place is free: the next one has it.
  const next = await world.open(database, await world.branch(database, 'next', [sql.widen]));
  await next.reaches('ready');
  await tell(next, 'deploy');
  await next.reaches('pending_cutover', 60_000);
  await tell(next, 'cancel');
  await next.reaches('complete_cancel', 60_000);
});
