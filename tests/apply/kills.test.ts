import { WorkflowFailedError } from '@temporalio/client';
import { writeSecret } from '../../drivers/secrets/files';
import { KillRig, victims, type Victim } from '../deploy/support/kill-rig';
import type { ServerName } from '../deploy/support/servers';
import { SERVER } from '../deploy/support/world';
import { eventually } from '../support/eventually';
import { SilentProxy } from '../ssh/silent-proxy';
import { KilledRollout, legsOf, type Life, type Moment } from './support/killed-rollout';
import { rolloutOn, type Rollout } from './support/real-world';
import { expectSound } from './support/sound';

/*
 * kill -9 of the worker, the database and Temporal while a request goes over several deployments, and a network that is
 * cut. `KILLS=all` kills each of them in each moment, and cuts in each phase.
 */

jest.setTimeout(400_000);

const all = process.env['KILLS'] === 'all';

/** Who is killed where little time is. */
const few: Readonly<Record<string, Victim>> = {
  'copy before': 'worker',
  'look before': 'worker',
  waits: 'temporal',
  'cutOver before': 'database',
};

const planned: readonly (readonly [server: ServerName, life: Life, offset: number])[] = all
  ? (['MariaDB', 'PostgreSQL'] as const).flatMap((server) =>
      (['kept', 'reverted', 'cancelled'] as const).flatMap((life) =>
        victims.map((_, offset) => [server, life, offset] as const),
      ),
    )
  : [['MariaDB', 'kept', 0]];

/** Milliseconds for which the network is away: longer than whatever is waited for below. */
const CUT_MS = all ? 20_000 : 7_000;

/** As short as they can be without ending what is under way. */
const impatient = { checkMs: 3_000, submitMs: 1_500, cutoverMs: 1_500, cancelMs: 3_000 };

const rigs = new Map<ServerName, KillRig>();
const rigOf = async (server: ServerName): Promise<KillRig> => {
  const rig = rigs.get(server) ?? (await KillRig.start(server));
  rigs.set(server, rig);
  return rig;
};
beforeAll(async () => void (await rigOf('MariaDB')), 180_000);
afterAll(async () => {
  for (const rig of rigs.values()) await rig.close();
});

async function expectEnded(rollout: Rollout, state: string, type: RegExp): Promise<void> {
  const apply = await rollout.settles(60_000);
  expect([apply.state, apply.error]).toEqual([state, null]);
  await rollout.request.handle.result().catch((error: unknown) => expect(error).toBeInstanceOf(WorkflowFailedError));
  await eventually(async () => expect(await rollout.running()).toEqual([]));
  await expectSound(rollout);
  expect(await rollout.leftovers()).toEqual([]);
  expect(await rollout.types()).toEqual(rollout.schemas.map(() => expect.stringMatching(type)));
  expect(await rollout.counts()).toEqual(rollout.schemas.map(() => '200 20100'));
}

test.each(planned)('%s: %s, and somebody is killed all the time (%i)', async (server, life, offset) => {
  const rig = await rigOf(server);
  const place = { target: rig.world.target, server: SERVER };
  const way = { rollout: { cutover: 'barrier', copies: 3 }, deferred: true } as const;
  const rollout = await rolloutOn(rig.world, place, server, 3, way);
  const moments = legsOf(life).flatMap((leg): readonly Moment[] => leg.moments);
  const victimOf = (moment: Moment): Victim | null =>
    all ? victims[(moments.indexOf(moment) + offset) % victims.length]! : (few[moment] ?? null);
  const killed = await new KilledRollout(rig, rollout, victimOf).live(life);
  expect(killed.length).toBeGreaterThanOrEqual(all ? 10 : Object.keys(few).length);
  const ends = {
    kept: ['completed', /^bigint/],
    reverted: ['reverted', /^int/],
    cancelled: ['cancelled', /^int/],
  } as const;
  const [state, type] = ends[life];
  await expectEnded(rollout, state, type);
});

const cuts = ['prepare', ...(all ? (['window'] as const) : [])] as const;

test.each(cuts)('the network to one deployment is cut for longer than anybody waits: %s', async (when) => {
  const { world } = await rigOf('MariaDB');
  const { hostname: host, port } = new URL(world.target.url);
  const proxy = await SilentProxy.open({ host, port: Number(port) }, '127.0.0.1');
  try {
    const url = new URL(world.target.url);
    url.port = String(proxy.port);
    await writeSecret(world.directory, 'database-far', url.toString());
    const place = { target: world.target, server: SERVER };
    const way = { rollout: { cutover: 'sequential' }, policy: { ...impatient, revertWindowMs: 60_000 } } as const;
    const servers = [SERVER, 'database-far'];
    const rollout = await rolloutOn(world, place, 'MariaDB', 3, { ...way, servers, deferred: when === 'prepare' });
    await rollout.request.tell('deploy');
    if (when === 'prepare') await rollout.until('ready', (_, [first]) => first?.state === 'waiting_for_cutover');
    else await rollout.until('live', (_, operations) => operations.every(({ state }) => state === 'revert_window'));
    proxy.cut();
    const since = Date.now();
    await rollout.request.tell(when === 'prepare' ? 'applyDeploy' : 'skipRevert');
    await rollout.until('waiting for the network', (apply, operations) => {
      const far = operations[1]!;
      return far.waits?.includes('cannot be reached') === true && apply.completedAt === null;
    });
    await eventually(() => expect(Date.now() - since).toBeGreaterThan(CUT_MS), CUT_MS);
    const [first, far] = await rollout.operations();
    expect([far!.completedAt, far!.waits]).toEqual([null, expect.stringContaining('cannot be reached')]);
    expect(first!.state).toBe(when === 'prepare' ? 'revert_window' : 'completed');
    proxy.mend();
    if (when === 'prepare') {
      await rollout.until(
        'live',
        (_, operations) => operations.every(({ state }) => state === 'revert_window'),
        60_000,
      );
      expect((await rollout.operations()).map(({ waits }) => waits)).toEqual([null, null, null]);
      await rollout.request.tell('skipRevert');
    }
    await expectEnded(rollout, 'completed', /^bigint/);
  } finally {
    proxy.close();
  }
});
