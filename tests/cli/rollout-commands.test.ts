import type { ServerResponse } from 'node:http';
import type { ApplyEventJson, ApplyPlanJson, LockJson, PlaceJson } from '../../cli/rollout-shapes';
import type { ApplyState } from '../../domain/rollout/states';
import type { Io } from '../../cli/io';
import { FakeApi, type Canned } from './support/fake-api';
import { at, organization, token } from './support/fixtures';
import { placeId, rollout, share } from './support/rollouts';
import { runCli, type Ended } from './support/run-cli';

/* What the commands about deployments and rollouts say and ask, against an API whose answers the tests give. */

let api: FakeApi;
beforeEach(async () => {
  api = await FakeApi.start();
});
afterEach(async () => {
  await api.close();
  expect(api.wrong).toEqual([]);
});

async function cli(line: string | readonly string[], over: Partial<Io> = {}): Promise<Ended> {
  const env = { GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: token, GATEWRIGHT_ORGANIZATION: organization };
  return await runCli(typeof line === 'string' ? line.split(' ') : line, { env, ...over });
}

const problem = (status: number, code: string, more: object = {}): Canned => ({
  status,
  body: {
    ...{ type: 'https://gatewright.dev/problems/x', code, status, title: 'No', detail: 'It is not so.' },
    ...{ instance: 'urn:uuid:1', ...more },
  },
});
const ok = (body: unknown): Canned => ({ status: 200, body });

/** The bodies of the requests that an operation of the API has seen. */
const bodies = (operation: string): unknown[] =>
  api.seen.filter((seen) => seen.operation === operation).map(({ body }) => body);

const rows = (...states: ApplyState[]) => states.map((state, index) => share(index, `eu-${index}`, state));

/** What is answered about a rollout, look after look; the last one stays. */
function stands(...looks: readonly ReturnType<typeof rollout>[]): void {
  // Each command looks for it by its number first.
  api.answer('getApply', ...[looks[0]!, ...looks].map(({ apply }) => ok(apply)));
  api.answer('listApplyOperations', ...looks.map(({ operations }) => ok({ operations })));
}

const change = (seq: number, to: ApplyState, over: Partial<ApplyEventJson> = {}): ApplyEventJson => ({
  ...{ seq, apply_id: placeId(999), operation_id: placeId(1), deployment: 'eu-1', version: 5, from: 'pending', to },
  ...{ says: '', at: at(seq * 1_000), text: 'it has its turn' },
  ...over,
});

/** A stream of some events that ends, or breaks off behind them. */
function streams(events: readonly ApplyEventJson[], how: 'ends' | 'breaks off' | 'stays' = 'ends'): Canned {
  return (_, res: ServerResponse) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write('retry: 1\n\n');
    for (const event of events) res.write(`id: ${event.seq}\nevent: operation\ndata: ${JSON.stringify(event)}\n\n`);
    if (how === 'ends') res.end('event: end\ndata: {}\n\n');
    if (how === 'breaks off') res.end();
  };
}

describe('deployments', () => {
  const place = (name: string, over: Partial<PlaceJson> = {}): PlaceJson => ({
    ...{ id: placeId(1), name, environment: 'production', server: 'eu-1-url', schema: 'shop', position: 1 },
    ...{ created_at: at(0), resource_version: 1 },
    ...over,
  });

  test('are added, listed, changed and removed by name', async () => {
    api.answer('addDeployment', { status: 201, body: place('eu-1') });
    api.answer('listDeployments', ok({ deployments: [place('main', { id: placeId(0), position: 0 }), place('eu-1')] }));
    api.answer('changeDeployment', ok(place('eu-2', { position: 0 })));
    api.answer('removeDeployment', { status: 204 });
    const added = await cli('deployment add shop eu-1 --environment production --secret eu-1-url --schema shop');
    expect([added.code, added.out]).toEqual([0, expect.stringMatching(/eu-1 +production +1 +eu-1-url +shop/)]);
    expect(bodies('addDeployment')).toEqual([
      { name: 'eu-1', environment: 'production', server: 'eu-1-url', schema: 'shop' },
    ]);
    expect((await cli('deployment list shop')).out).toMatch(/main .*\n *eu-1 /);
    expect((await cli('deployment update shop eu-1 --rename eu-2 --position 0')).code).toBe(0);
    expect(bodies('changeDeployment')).toEqual([{ name: 'eu-2', position: 0 }]);
    expect((await cli('deployment remove shop eu-1 --yes')).out).toContain('no deployment of shop any more');
    expect(api.seen.at(-1)!.path).toMatch(new RegExp(`/deployments/${placeId(1)}$`));
  });

  test('that are not there, and changes of nothing, are told', async () => {
    api.answer('listDeployments', ok({ deployments: [] }));
    expect(await cli('deployment list shop')).toMatchObject({ code: 0, out: expect.stringMatching(/^Only its own/) });
    const missing = await cli('deployment remove shop eu-9 --yes');
    expect(missing).toMatchObject({ code: 1, err: expect.stringMatching(/has no deployment eu-9[^]*deployment list/) });
    expect((await cli('deployment update shop eu-1')).code).toBe(2);
    expect((await cli('deployment update shop eu-1 --position -1')).code).toBe(2);
    expect((await cli('deployment add shop eu-1')).code).toBe(2);
    expect(await cli('deployment remove shop eu-1')).toMatchObject({ code: 1 }); // there is none to ask about
  });
});

describe('looking', () => {
  test('rollouts are listed with how many are live', async () => {
    const { apply } = rollout('running', rows('completed', 'revert_window', 'running'), { determined: false });
    api.answer('listApplies', ok({ applies: [apply], total: 1, next_page_token: null }));
    const listed = await cli('rollout list shop --state running');
    expect(listed.out).toMatch(/3 +running \(undetermined\) +2\/3 +sequential +halt/);
    expect(api.seen[0]!.query).toMatchObject({ state: 'running' });
    expect((await cli('rollout list shop --state nonsense')).code).toBe(2);
    api.answer('listApplies', problem(404, 'NOT_FOUND'));
    expect(await cli('rollout list shop')).toMatchObject({ code: 1, err: expect.stringMatching(/no database shop/) });
  });

  test('one is shown with its settings and what to type next', async () => {
    stands(rollout('running', rows('running'), { allowed: ['stop', 'volume', 'override'], cutover: 'barrier' }));
    const { out } = await cli('rollout show shop 3');
    expect(out).toMatch(/shop #3 {2}running[^]*eu-0 .* running\n[^]*cut-overs +barrier, 4 copy at once/);
    expect(out).toMatch(/next +gatewright rollout stop shop 3\n +gatewright rollout volume shop 3 1\.\.11\n/);
    expect(out).toContain('gatewright rollout override shop 3 ENVIRONMENT --reason WHY');
    const json = JSON.parse((await cli('rollout show shop 3 --json')).out) as object;
    expect(json).toMatchObject({ number: 3, operations: [{ deployment: 'eu-0' }] });
  });

  test('one that is not there is told', async () => {
    api.answer('getApply', problem(404, 'NOT_FOUND'));
    const told = expect.stringMatching(/no rollout 9 of a database shop[^]*rollout list shop/) as unknown;
    expect(await cli('rollout stop shop 9')).toMatchObject({ code: 1, err: told });
  });

  test('a plan says what would be done where, and whether it can be', async () => {
    const gate = { environment: 'production', open: false, reason: 'staging comes first', override: null };
    const planned = {
      ...{ environment: 'production', gate, error: null, drift: [], instant_eligible: false, bytes_needed: 3e6 },
      operations: [
        { table: 'users', kind: 'ALTER', ddl: 'alter table users', way: 'shadow', because: 'x', can_drop_data: false },
      ],
      lint: [],
    };
    const plan: ApplyPlanJson = {
      ...{ branch: 'dev', into_branch: 'main', deployable: false, diff: [] },
      settings: {
        ...{ environments: ['staging', 'production'], on_failure: 'halt', cutover: 'sequential' },
        ...{ copies: 4, revert_together: true },
      },
      deployments: [
        { ...planned, deployment_id: placeId(0), deployment: 'main', position: 0 },
        { ...planned, deployment_id: placeId(1), deployment: 'eu-1', position: 1, operations: [], drift: ['users.a'] },
      ],
    };
    api.answer('planApply', ok(plan));
    const { out, code } = await cli('rollout plan shop dev --into main');
    expect(code).toBe(1);
    expect(out).toMatch(
      /main {2}production {2}3 MB\n +gate +staging comes first\n +shadow +alter table users {2}\(x\)/,
    );
    expect(out).toMatch(/eu-1[^]*drift +users\.a\n +nothing to do/);
    await cli('rollout plan shop 7');
    expect(bodies('planApply')).toEqual([{ branch: 'dev', into_branch: 'main' }, { deploy_request: 7 }]);
  });
});

describe('watching', () => {
  test.each<[ApplyState, number]>([
    ['completed', 0],
    ['failed', 3],
    ['cancelled', 1],
    ['reverted', 1],
  ])('ends with a rollout that is %s, with exit code %i', async (state, code) => {
    stands(rollout('running', rows('running')), rollout(state, rows(state), { completed_at: at(90_000) }));
    api.answer('streamApplyEvents', streams([change(1, 'running'), change(2, state, { operation_id: null })]));
    const watched = await cli('rollout watch shop 3');
    expect(watched.code).toBe(code);
    expect(watched.out).toMatch(
      /11:58:01\.000 {2}eu-1 {2}pending -> running {2}it has its turn\n11:58:02\.000 {2}rollout/,
    );
  });

  test('goes on after the last event where the connection breaks off', async () => {
    stands(rollout('running', rows('running')));
    api.answer('streamApplyEvents', streams([change(1, 'running')], 'breaks off'), (seen, res) => {
      stands(rollout('completed', rows('completed'), { completed_at: at(90_000) }));
      (streams([change(2, 'completed')]) as (seen: unknown, res: ServerResponse) => void)(seen, res);
    });
    const watched = await cli('rollout watch shop 3 --json');
    expect(watched.code).toBe(0);
    const told = watched.out.trim().split('\n');
    expect(told.map((line) => (JSON.parse(line) as ApplyEventJson).seq)).toEqual([1, 2]);
    const asked = api.seen.filter(({ operation }) => operation === 'streamApplyEvents');
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1']);
  });

  test('is left without harm', async () => {
    const left = new AbortController();
    stands(rollout('running', rows('running')));
    api.answer('streamApplyEvents', (seen, res) => {
      (streams([], 'stays') as (seen: unknown, res: ServerResponse) => void)(seen, res);
      left.abort();
    });
    expect((await cli('rollout watch shop 3', { interrupted: () => left.signal })).code).toBe(0);
  });

  test('an undetermined rollout has not ended', async () => {
    const lost = rollout('completed', rows('completed'), { determined: false });
    const blamed = [{ operation: placeId(1), reason: 'it has no id' }];
    const unknown = { ...lost, apply: { ...lost.apply, state: 'stopped' as const, blamed } };
    stands(unknown, rollout('stopped', rows('stopped')));
    api.answer('stopApply', ok({ ...rollout('running', rows('running')).apply, stopped_count: 1, skipped_count: 0 }));
    api.answer('streamApplyEvents', streams([], 'stays'));
    const { out, code } = await cli('rollout stop shop 3');
    expect([code, out]).toEqual([0, expect.stringMatching(/undetermined: [^]*it has no id\n[^]*determined again/)]);
  });
});

describe('steering', () => {
  const running = rollout('running', rows('running', 'pending'));
  const asking = (over: object) => ok({ ...running.apply, ...over });

  test('each command says its own', async () => {
    stands(running);
    api.answer('startApply', asking({ started_count: 2, skipped_count: 1 }));
    api.answer('pauseApply', asking({}));
    api.answer('releaseApply', asking({ released_count: 1 }));
    api.answer('setVolumeOfApply', asking({}));
    api.answer('overrideGateOfApply', asking({}));
    api.answer('retryApply', asking({}));
    api.answer('stopApply', asking({ stopped_count: 1, skipped_count: 2 }));
    expect((await cli('rollout start shop 3')).out).toMatch(/^2 deployments started, 1 left alone\nshop #3/);
    expect((await cli('rollout pause shop 3')).code).toBe(0);
    expect((await cli('rollout release shop 3')).out).toMatch(/^1 deployment released\n/);
    expect((await cli('rollout volume shop 3 11')).code).toBe(0);
    expect(bodies('setVolumeOfApply')).toEqual([{ volume: 11 }]);
    expect((await cli('rollout volume shop 3 12')).code).toBe(2);
    expect((await cli(['rollout', 'override', 'shop', '3', 'production', '--reason', 'it burns'])).code).toBe(0);
    expect(bodies('overrideGateOfApply')).toEqual([{ environment: 'production', reason: 'it burns' }]);
    expect((await cli('rollout override shop 3 production')).code).toBe(2);
    await cli('rollout retry shop 3');
    await cli('rollout retry shop 3 eu-1');
    expect(bodies('retryApply')).toEqual([{}, { operation_id: placeId(1) }]);
    expect((await cli('rollout retry shop 3 eu-9')).err).toMatch(/has no deployment eu-9/);
    expect((await cli('rollout stop shop 3 --no-wait')).out).toMatch(/^1 deployment stopped, 2 left alone\n/);
  });

  test('a cut-over is waited for until it is live everywhere', async () => {
    stands(
      rollout('revert_window', rows('revert_window', 'waiting_for_cutover')),
      rollout('revert_window', rows('revert_window', 'revert_window')),
    );
    api.answer('cutOverApply', asking({}));
    // What happened before it was asked is not told again.
    const events = [change(1, 'running', { version: 3 }), change(2, 'cutting_over', { version: 4 })];
    api.answer('streamApplyEvents', streams(events, 'stays'));
    const { code, out } = await cli('rollout cutover shop 3 --force');
    expect([code, bodies('cutOverApply')]).toEqual([0, [{ force: true }]]);
    expect(out).toMatch(/^11:58:02\.000 {2}eu-1 {2}pending -> cutting over.*\n\nIt is live, and can be reverted\.\n$/);
    expect(api.seen.filter(({ operation }) => operation === 'listApplyOperations')).toHaveLength(2);
  });

  test('a revert that is held up ends with 1, one that is refused says what to do', async () => {
    const reverting = { ...running.apply.asked, revert: 'ada' };
    stands(
      rollout('reverting', rows('reverting'), { asked: reverting }),
      rollout('revert_window', rows('revert_window')),
    );
    api.answer('revertApply', asking({ asked: reverting }));
    api.answer('streamApplyEvents', streams([], 'stays'));
    expect((await cli('rollout revert shop 3 --accept-losses')).code).toBe(1);
    expect(bodies('revertApply')).toEqual([{ accept_losses: true }]);
    api.answer('revertApply', problem(409, 'REVERT_LOSES'));
    expect((await cli('rollout revert shop 3')).err).toMatch(/deploy losses shop 3[^]*--accept-losses/);
  });

  test.each<[string, string, ApplyState, number]>([
    ['cancel', 'cancelApply', 'cancelled', 0],
    ['cancel', 'cancelApply', 'failed', 3],
    ['revert', 'revertApply', 'reverted', 0],
    ['skip-revert', 'skipRevertOfApply', 'completed', 0],
    ['skip-revert', 'skipRevertOfApply', 'reverted', 1],
  ])('%s (%s) that ends in %s exits with %i', async (verb, operation, state, code) => {
    stands(rollout(state, rows(state), { completed_at: at(90_000) }));
    api.answer(operation, asking({}));
    api.answer('streamApplyEvents', streams([]));
    const ended = await cli(`rollout ${verb} shop 3 --json`);
    expect([ended.code, JSON.parse(ended.out)]).toEqual([code, expect.objectContaining({ state })]);
  });

  test('what is not possible is refused with what is', async () => {
    stands(running);
    api.answer('startApply', problem(409, 'STATE_CONFLICT', { state: 'running', allowed: ['stop', 'pause'] }));
    const { code, err } = await cli('rollout start shop 3');
    expect([code, err]).toEqual([1, expect.stringMatching(/state +running\n +allowed +stop, pause/)]);
  });
});

describe('locks', () => {
  const lock = (owner: string, over: Partial<LockJson> = {}): LockJson => ({
    ...{ owner, deployments: [{ id: placeId(1), name: 'eu-1' }], acquired_at: at(0), age_seconds: 120, forced: null },
    ...over,
  });

  test('are shown, taken and given back', async () => {
    const forced = { by: 'bob', reason: 'she left', from: ['ada'] };
    api.answer('listSchemaLocks', ok({ locks: [lock('deploy request #3'), lock('bob', { deployments: [], forced })] }));
    const { out } = await cli('rollout locks shop');
    expect(out).toMatch(/deploy request #3 +2 min +eu-1\n *bob +2 min +all +by bob from ada: she left/);
    api.answer('takeSchemaLock', ok({ lock: lock('bob'), had: true, lost: [lock('ada')] }));
    const line = ['rollout', 'locks', 'acquire', 'shop', 'eu-1', '--force', '--reason', 'she left'];
    expect((await cli(line)).out).toMatch(
      /owner +bob\ndeployments +eu-1\nfor +2 min, it was yours already\ntaken from +ada/,
    );
    expect(bodies('takeSchemaLock')).toEqual([{ deployments: ['eu-1'], force: true, reason: 'she left' }]);
    api.answer('giveSchemaLock', { status: 204 });
    expect((await cli('rollout locks release shop eu-1 eu-2')).out).toBe('The lock of eu-1, eu-2 is given back.\n');
    expect(api.seen.at(-1)!.query).toEqual({ deployments: 'eu-1,eu-2' });
    expect((await cli('rollout locks release shop --json')).out).toBe('{"database":"shop","released":true}\n');
  });

  test('of somebody else are refused with how to take them', async () => {
    api.answer('takeSchemaLock', problem(409, 'LOCK_HELD', { owner: 'ada' }));
    expect(await cli('rollout locks acquire shop')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/rollout locks shop[^]*--force --reason WHY/),
    });
  });
});
