import { eventually } from '../support/eventually';
import { ApiRig } from './support/api-rig';
import { changes, servers, shop, type Served } from './support/servers';

/*
 * kill -9 of the API in the middle of calls that change something. What was answered, is so; what was not, is done or is
 * not, and can be asked for again; what the API has begun goes on without it, and what it has only written down is begun by
 * the next one. `KILLS=all` kills it in each call, before it has told Temporal and after; without it in some, and once.
 */

jest.setTimeout(240_000);

let served: Served;
let rig: ApiRig;
beforeAll(async () => {
  served = await servers[0]![1]();
  rig = await ApiRig.start(served.target);
}, 240_000);
afterAll(async () => {
  await rig?.close();
  await served?.stop();
});

const all = process.env['KILLS'] === 'all';

/** Calls in which it is killed only where there is time. */
const others = ['createBranch', 'deleteBranch'];

type When = 'before' | 'after';
const sides = { after: 'before', before: 'after' } as const;

test.each(all ? [false, true] : [false])('the life of a database (%p)', async (other) => {
  const { store, organizationId } = rig.world;
  const { databases, branches, requests, passwords } = store.deploys;
  const name = `shop-${other}`;
  const at = (when: When): When => (other ? sides[when] : when);
  const database = async () => (await databases.named(organizationId, name))!;
  const branch = async (own: string) => (await branches.named(organizationId, (await database()).id, own))!;
  const request = async () => (await requests.get(organizationId, (await database()).id, 1))!;
  const isReady = async (there: () => Promise<{ state: string }>): Promise<void> =>
    await eventually(async () => expect((await there()).state).toBe('ready'));
  const reaches = async (state: string): Promise<void> =>
    await eventually(async () => expect((await request()).deployment.state).toBe(state), 30_000);
  /** Of what was begun before the API was killed: it goes on without it. Of the rest: the next API begins it. */
  const killedAt = async (step: string, when: When, call: Parameters<ApiRig['call']>, goesOn: () => Promise<void>) => {
    if (!all && others.includes(step)) {
      await rig.call(...call);
      return await goesOn();
    }
    await rig.killAt(step, when, ...call);
    if (when === 'after') await goesOn();
    await rig.restart();
    // What was wanted of a request is written down by its workflow alone.
    if (when === 'before' && step === 'tell') expect(await rig.call(...call)).toMatchObject({ status: 200 });
    await goesOn();
  };

  const create = ['POST', '', { name, kind: 'mysql' }] as const;
  await killedAt('createDatabase', at('after'), [...create], () => isReady(database));
  expect(await rig.call(...create)).toMatchObject({ status: 409 });
  const { schema } = await branch('main');
  await served.target.run(schema, shop.MariaDB);

  const fork = ['POST', `/${name}/branches`, { name: 'dev', parent_branch: 'main' }] as const;
  await killedAt('createBranch', at('before'), [...fork], () => isReady(() => branch('dev')));
  expect(await rig.call(...fork)).toMatchObject({ status: 409 });
  await served.target.run((await branch('dev')).schema, [changes.MariaDB.add]);

  // Nobody has heard the password: the account is there to be seen, and to be dropped.
  const accounts = `/${name}/branches/dev/passwords`;
  await rig.killAt('createPassword', at('after'), 'POST', accounts, {});
  await rig.restart();
  const [unheard] = (await passwords.list(organizationId, (await branch('dev')).id, { page: 1, perPage: 9 })).items;
  expect(await rig.call('DELETE', `${accounts}/${unheard!.id}`)).toMatchObject({ status: 204 });

  const opens = { branch: 'dev', into_branch: 'main' };
  await killedAt('startRequest', at('before'), ['POST', `/${name}/deploy-requests`, opens], () => reaches('ready'));
  const one = `/${name}/deploy-requests/1`;
  expect(await rig.call('PUT', `${one}/throttle`, { throttle_ratio: 0.5 })).toMatchObject({ status: 200 });
  const gated = () => reaches('pending_cutover');
  await killedAt('tell', at('after'), ['POST', `${one}/deploy`, {}], gated);
  expect((await request()).deployment.throttle).toBe(0.5);
  expect(await rig.call('POST', `${one}/deploy`, {})).toMatchObject({ status: 409 });
  await killedAt('tell', at('before'), ['POST', `${one}/apply-deploy`, {}], () => reaches('complete_pending_revert'));
  await killedAt('tell', at('after'), ['POST', `${one}/revert`, {}], () => reaches('complete_revert'));
  expect(await rig.call('POST', `${one}/revert`, {})).toMatchObject({ status: 409 });

  const isGone = async (there: () => Promise<unknown>): Promise<void> =>
    await eventually(async () => expect(await there()).toBeNull());
  await killedAt('deleteBranch', at('before'), ['DELETE', `/${name}/branches/dev`], () => isGone(() => branch('dev')));
  await killedAt('deleteDatabase', at('after'), ['DELETE', `/${name}`], () => isGone(database));
  for (const query of [
    "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'gw%'",
    "SELECT User FROM mysql.user WHERE User LIKE 'gw%'",
  ])
    expect(await served.target.rows('mysql', query)).toEqual([]);
});
