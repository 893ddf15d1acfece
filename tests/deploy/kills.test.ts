import { tsToMs } from '@temporalio/common/lib/time';
import { holdsPlace, isTerminal, stateFacts, type DeploymentState } from '../../domain/deploy/states';
import { eventually } from '../support/eventually';
import { openAttempts } from '../support/saga-holds';
import { KilledLife, lives, tell, type LifeName, type Moment, type Plan } from './support/kill-life';
import { KillRig, victims } from './support/kill-rig';
import { changes, shop, type ServerName } from './support/servers';
import type { Opened } from './support/world';

/*
 * kill -9 of the worker, the database and Temporal in every state. Whatever was killed: a request ends where its table
 * says, its place is given back once, its window ends when it was to end, and nothing of it is left in the database.
 * `KILLS=all` kills each of them in each moment; without it each is killed once in each state or so.
 */

jest.setTimeout(400_000);

const all = process.env['KILLS'] === 'all';

/** Milliseconds of the window that nobody ends: longer than it takes to kill and start everything again. */
const WINDOW_MS = 15_000;

const names = Object.keys(lives) as LifeName[];
const momentsOf = (life: LifeName): Moment[] => lives[life].flatMap((leg): readonly Moment[] => leg.moments);

/** Somebody else is killed in each moment; the next time the next one. Where little time is, at the end of each state. */
const turn = (life: LifeName, offset: number): Plan => {
  const everywhere = momentsOf(life);
  const isLast = ({ state }: Moment, i: number): boolean =>
    everywhere.findLastIndex((later) => later.state === state) === i;
  const moments = all ? everywhere : everywhere.filter(isLast);
  return (moment) => {
    const index = moments.indexOf(moment);
    return index < 0 ? null : victims[(index + offset) % victims.length]!;
  };
};

const few = {
  MariaDB: [['reverted', 0]],
  PostgreSQL: [
    ['cancelled', 0],
    ['failed to revert', 1],
  ],
} as const;

const planned = (server: ServerName): readonly (readonly [life: LifeName, offset: number])[] =>
  all ? names.flatMap((life) => victims.map((_, offset) => [life, offset] as const)) : few[server];

/** What an ended request leaves of the table. */
const columns: Readonly<Record<LifeName, readonly string[]>> = {
  reverted: ['id', 'note', 'amount'],
  kept: ['id', 'note', 'amount', 'city'],
  cancelled: ['id', 'note', 'amount'],
  failed: ['id', 'note', 'amount', 'drifted'],
  'failed to revert': ['id', 'note', 'amount', 'city', 'drifted'],
  expired: ['id', 'note', 'amount', 'city'],
};

/** When the timers of a request end, in milliseconds. */
async function timersOf({ handle }: Opened): Promise<number[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ eventTime, timerStartedEventAttributes: timer }) =>
    timer ? [tsToMs(eventTime) + tsToMs(timer.startToFireTimeout)] : [],
  );
}

test('somebody is killed in every state in which something is done or waited for', () => {
  const killed = new Set(names.flatMap(momentsOf).map(({ state }) => state));
  const states = Object.keys(stateFacts) as DeploymentState[];
  const alive = states.filter((state) => !state.endsWith('_vschema') && (!isTerminal(state) || holdsPlace(state)));
  expect(alive.filter((state) => !killed.has(state))).toEqual([]);
});

describe.each(['MariaDB', 'PostgreSQL'] as const)('%s', (server) => {
  let rig: KillRig;
  beforeAll(async () => {
    rig = await KillRig.start(server);
  }, 180_000);
  afterAll(async () => await rig?.close());

  test.each(planned(server))('%s, and somebody is killed all the time (%i)', async (life, offset) => {
    const { world } = rig;
    const database = await world.database(shop[server]);
    const { schema } = await world.branchNamed(database, 'main');
    const revertWindowMs = life === 'expired' ? WINDOW_MS : 600_000;
    const killed = new KilledLife(rig, server, database, turn(life, offset), { revertWindowMs });
    const request = await killed.live(lives[life]);
    const { deployment } = await request.read();
    await eventually(async () => expect((await request.handle.describe()).status.name).not.toBe('RUNNING'), 30_000);
    if (deployment.cutoverAt) {
      const endsAt = deployment.revertWindowEndsAt!.getTime();
      expect(endsAt - deployment.cutoverAt.getTime()).toBe(revertWindowMs);
      if (life === 'expired') {
        expect(deployment.finishedAt!.getTime()).toBeGreaterThanOrEqual(endsAt);
        // A workflow task whose worker died is done again after four seconds; then the timer is set that much later.
        const late = (await timersOf(request)).map((due) => due - endsAt);
        expect(late.filter((ms) => ms >= 0 && ms < 5_000)).toHaveLength(1);
      }
    }
    const model = await world.target.model(schema);
    expect(model.tables.map((table) => table.columns.map(({ name }) => name))).toEqual([columns[life]]);
    expect(await world.target.rows(schema, 'SELECT count(*) AS n, sum(amount) AS s FROM orders')).toEqual([
      { n: '2000', s: '2001000' },
    ]);
    const { workflowId: runId } = request.handle;
    await eventually(async () =>
      expect(openAttempts(await world.store.journal.after(0, { runId, limit: 1_000 }))).toEqual([]),
    );
    // The place is free, for one.
    const [next, last] = killed.others as [Opened, Opened];
    await next.reaches('pending_cutover', 60_000);
    await eventually(async () =>
      expect(await last.handle.query('deployment')).toMatchObject({ state: 'queued', preceding: [next.ref.number] }),
    );
    for (const each of [last, next]) {
      await tell(each, 'cancel');
      await each.reaches('complete_cancel', 60_000);
    }
    expect(await world.store.deploys.requests.inLine(world.organizationId, database.id)).toEqual([]);
    expect(await world.target.engine(schema).leftovers()).toEqual([]);
  });

  if (all || server === 'MariaDB')
    test('a worker that dies as somebody applies is done without', async () => {
      const { world } = rig;
      const database = await world.database(shop[server]);
      const branch = await world.branch(database, 'feature', [changes[server].add]);
      // Another one goes on with the workflow at once, and finds that nobody ends what was followed.
      await world.startWorker([], undefined, { enableNonLocalActivities: false });
      const request = await world.open(database, branch);
      await request.reaches('ready');
      await tell(request, 'deploy');
      await request.reaches('pending_cutover');
      await eventually(async () => {
        const { raw } = await request.handle.describe();
        expect(raw.pendingActivities?.map(({ activityType }) => activityType?.name)).toEqual(['follow']);
      });
      await rig.kill('worker');
      await tell(request, 'applyDeploy');
      await rig.restart('worker');
      await request.reaches('complete_pending_revert');
      await tell(request, 'skipRevert');
      await request.reaches('complete');
      await world.stopWorker();
    });
});
