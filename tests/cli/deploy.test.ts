import type { Io } from '../../cli/io';
import type { OperationReport } from '../../prisma/deploy-store';
import { Failure } from '../../domain/failures';
import { TestApi } from '../api/support/api';
import { operation } from '../api/support/fake-deploys';
import { Planetscale } from '../api/support/planetscale';
import { eventually } from '../support/eventually';
import { runCli, type Ended } from './support/run-cli';

/* What the commands about databases and deploy requests do, against a whole API whose workflows the tests play. */

let api: TestApi;
let ps: Planetscale;
beforeEach(async () => {
  api = await TestApi.start();
  ps = await Planetscale.of(api);
});
afterEach(() => api.close());

async function cli(line: string | readonly string[], over: Partial<Io> = {}): Promise<Ended> {
  const env = {
    GATEWRIGHT_API: api.url,
    GATEWRIGHT_TOKEN: ps.tokens.admin,
    GATEWRIGHT_ORGANIZATION: ps.organizationId,
  };
  return await runCli(typeof line === 'string' ? line.split(' ') : line, { env, ...over });
}

/** The document that a command printed. */
async function json(line: string): Promise<Record<string, unknown>> {
  const { out, code, err } = await cli(`${line} --json`);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Record<string, unknown>;
}

/** The store's side of a request of the one organization. */
const requests = () => api.store.deploys.requests;
const report = (id: string, reports: Record<string, OperationReport>) =>
  requests().report(ps.organizationId, id, reports);

/** A command that waits, and what it has written so far. */
function begin(line: string, over: Partial<Io> = {}) {
  let out = '';
  const ended = cli(line, { out: (text) => void (out += text), ...over });
  return { ended, says: (text: string | RegExp) => eventually(() => expect(out).toMatch(text)), out: () => out };
}

describe('databases and branches', () => {
  test('from nothing to a branch that can be connected to', async () => {
    expect((await cli('database list')).out).toBe('No databases. gatewright database create NAME makes one.\n');
    const made = await cli('database create shop --kind postgresql --notes soap');
    expect([made.code, made.err]).toEqual([0, '']);
    expect(made.out).toMatch(/^database +shop\nkind +postgresql\nstate +ready\n/);
    expect((await cli('database list')).out).toMatch(/shop +postgresql +ready +1 +\S.* +soap/);
    expect((await cli('branch create shop dev --from main')).out).toMatch(/^branch +dev\nfrom +main\nstate +ready\n/);
    expect((await cli('branch list shop')).out).toMatch(/main .*\n *dev +main +ready/);
    const password = await cli('branch password shop dev --role reader --ttl 60');
    expect(password.out).toMatch(/^postgresql:\/\/gw_[0-9a-f]+:\S+@\S+\n$/);
    expect(password.err).toMatch(/role +reader\nuntil +2/);
    expect(password.err).not.toContain(new URL(password.out).password);
    const listed = (await json('branch passwords shop dev')) as { passwords: { id: string }[] };
    expect(listed.passwords).toMatchObject([{ role: 'reader', plain_text: null }]);
    expect((await cli(`branch revoke shop dev ${listed.passwords[0]!.id}`)).code).toBe(0);
    expect((await cli('branch passwords shop dev')).out).toBe('No passwords.\n');
  });

  test('one that cannot be made is a failure', async () => {
    api.engine.deploys.quick = false;
    const { ended } = begin('database create shop');
    const database = await eventually(async () => {
      const found = await api.store.deploys.databases.named(ps.organizationId, 'shop');
      return found ?? Promise.reject(new Error('it is not there yet'));
    });
    await api.store.deploys.databases.update(ps.organizationId, database.id, { state: 'failed' });
    expect(await ended).toMatchObject({ code: 1, err: expect.stringMatching(/^Database shop could not be made/) });
  });

  test('whoever leaves leaves it to itself', async () => {
    api.engine.deploys.quick = false;
    const left = new AbortController();
    const { ended } = begin('database create shop', { interrupted: () => left.signal });
    await eventually(async () =>
      expect(await api.store.deploys.databases.named(ps.organizationId, 'shop')).toBeTruthy(),
    );
    left.abort();
    expect(await ended).toMatchObject({ code: 130, err: expect.stringContaining('it goes on') });
  });

  test('a schema that is there is taken in by whoever may see all organizations', async () => {
    const line = 'database add legacy --kind mysql --secret legacy-url --schema legacy';
    const refused = await cli(line);
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/FORBIDDEN/)]);
    const env = {
      GATEWRIGHT_API: api.url,
      GATEWRIGHT_TOKEN: api.tokens.admin,
      GATEWRIGHT_ORGANIZATION: ps.organizationId,
    };
    expect((await cli(line, { env })).code).toBe(0);
    const { id, server } = (await api.store.deploys.databases.named(ps.organizationId, 'legacy'))!;
    const branch = await api.store.deploys.branches.named(ps.organizationId, id, 'main');
    expect([server, branch]).toMatchObject(['legacy-url', { schema: 'legacy', adopted: true }]);
  });

  test('settings are changed one by one', async () => {
    await ps.database();
    const { settings } = (await api.store.deploys.databases.named(ps.organizationId, 'shop'))!;
    const flags = '--require-approval on --own-approval off --revert-window 60 --throttle 30%';
    const set = await cli(`database set shop ${flags} --rename store`);
    expect(set.out).toMatch(/database +store\n[^]*approval needed +yes, of somebody else\n[^]*revert +for 1 min /);
    expect((await api.store.deploys.databases.named(ps.organizationId, 'store'))!.settings).toEqual({
      ...settings,
      ...{ requireApproval: true, allowOwnApproval: false, revertWindowMs: 60_000, throttle: 0.3 },
    });
    expect(await cli('database set store')).toMatchObject({ code: 2, err: expect.stringMatching(/^nothing to set/) });
    expect((await cli('database set store --protected perhaps')).code).toBe(2);
  });

  test('how deploys go over several deployments is a setting, too', async () => {
    await ps.database();
    const flags = '--environments staging,production --on-failure pause --cutover barrier --copies 2';
    const set = await cli(`database set shop ${flags} --revert-together off`);
    expect(set.out).toMatch(/environments +staging, then production\ndeployments +2 copy at once, on failure pause\n/);
    const rollout = async () => (await api.store.deploys.databases.named(ps.organizationId, 'shop'))!.settings.rollout;
    const all = { onFailure: 'pause', cutover: 'barrier', copies: 2, revertTogether: false };
    expect(await rollout()).toEqual({ environments: ['staging', 'production'], ...all });
    expect((await cli(['database', 'set', 'shop', '--environments', ''])).code).toBe(0);
    expect(await rollout()).toEqual({ environments: [], ...all });
    for (const wrong of ['--environments a,a', '--on-failure perhaps', '--cutover soon', '--copies 0'])
      expect((await cli(`database set shop ${wrong}`)).code).toBe(2);
  });

  test('what is removed is asked about, and gone', async () => {
    await ps.database();
    expect((await cli('database remove shop')).code).toBe(2); // nobody can be asked
    expect((await cli('branch delete shop dev', { ask: () => Promise.resolve('n') })).code).toBe(1);
    expect((await cli('branch list shop')).out).toMatch(/\bdev\b/);
    expect((await cli('branch delete shop dev', { ask: () => Promise.resolve('y') })).out).toBe(
      'Branch dev is deleted.\n',
    );
    expect((await cli('database remove shop -y')).out).toBe('Database shop is removed.\n');
    expect(await cli('database get shop')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^There is no database shop .*\n[^]*gatewright database list/),
    });
  });

  test('what is not there is named with what to type', async () => {
    await ps.database();
    for (const [line, said] of [
      ['branch get shop nope', 'There is no branch nope of a database shop'],
      ['branch list nope', 'There is no database nope'],
      ['deploy create shop nope', 'There is no branch nope of a database shop'],
      ['deploy get shop 7', 'There is no deploy request 7 of a database shop'],
      ['deploy get shop dev', 'There is no deploy request dev of a database shop'],
    ] as const)
      expect([line, await cli(line)]).toEqual([
        line,
        { code: 1, out: '', err: expect.stringMatching(new RegExp(`^${said} .*\\n[^]*try +gatewright`)) },
      ]);
  });
});

describe('deploy requests', () => {
  test('one is opened, shown, approved and closed', async () => {
    await ps.database();
    await cli('database set shop --require-approval on');
    const opened = await cli(['deploy', 'create', 'shop', 'dev', '--notes', 'more columns']);
    expect([opened.code, opened.err]).toEqual([0, '']);
    expect(opened.out).toMatch(/^request +shop #1\nchange +dev into main\nstate +ready: /);
    expect(opened.out).toMatch(/users +ALTER +pending +0 % +shadow/);
    expect((await cli('deploy list shop')).out).toMatch(/1 +dev +main +ready +test admin/);
    expect(await cli('deploy start shop dev')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^Deploy request must be approved before deploying\. .*APPROVAL_MISSING/),
    });
    expect((await cli('deploy approve shop 1 --comment fine')).out).toBe('shop #1 is approved.\n');
    expect((await cli('deploy get shop dev')).out).toMatch(/approved\n[^]*next +gatewright deploy start shop 1/);
    expect((await cli('deploy close shop 1')).out).toBe('shop #1 is closed.\n');
    expect((await cli('deploy list shop')).out).toMatch(/closed/);
    expect(await cli('deploy close shop 1')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^deploy request is already closed .*STATE_CONFLICT\n[^]*allowed/),
    });
  });

  test('what it would do is told without opening it', async () => {
    await ps.database();
    const lint = {
      code: 'DROPS_DATA',
      table: 'users',
      column: 'age',
      subject: null,
      message: 'users.age goes',
      rows: null,
    };
    const { kind, table, ddl, way, because, canDropData } = operation();
    const would = {
      operations: [{ kind, table, ddl, way, because, canDropData }],
      diff: [{ name: 'users', text: ' CREATE TABLE users (\n+  age int\n-  old int' }],
      ...{ lint: [lint], instantEligible: true, bytesNeeded: 10 },
    };
    api.engine.deploys.seen = () => would;
    const { code, out } = await cli('deploy create shop dev --dry-run', { colours: true });
    expect(code).toBe(0);
    expect(out).toContain('ALTER TABLE `users` ADD COLUMN `age` int;');
    expect(out).toContain('\u001b[32m+  age int\u001b[39m\n\u001b[31m-  old int\u001b[39m');
    expect(out).toContain('DROPS_DATA');
    api.engine.deploys.seen = () => ({ ...would, lint: [{ ...lint, code: 'NO_UNIQUE_KEY' }] });
    expect((await cli('deploy create shop dev --dry-run')).code).toBe(1);
    api.engine.deploys.seen = () => ({ ...would, operations: [], diff: [], lint: [] });
    expect((await cli('deploy create shop dev --dry-run')).out).toBe('dev changes nothing of main.\n');
    expect((await cli('deploy list shop')).out).toMatch(/^No deploy requests/);
  });

  test('one whose checks fail is not opened well', async () => {
    await ps.database();
    api.engine.deploys.quick = false;
    const { ended, out } = begin('deploy create shop dev');
    const id = await eventually(async () => {
      const [found] = (await requests().unfinished()).map((each) => each.id);
      return found ?? Promise.reject(new Error('it is not there yet'));
    });
    const message = 'shop.users has no unique key';
    const lint = { code: 'NO_UNIQUE_KEY', table: 'users', column: null, subject: null, message, rows: null } as const;
    await requests().move(ps.organizationId, id, 'refuse', { lint: [lint] });
    expect((await ended).code).toBe(1);
    expect(out()).toMatch(/error +NO_UNIQUE_KEY/);
  });

  test('a deploy over several deployments goes on where the next one is ready', async () => {
    await ps.database();
    const { id } = await ps.request('ready');
    expect((await cli('deploy start shop dev --strategy together')).code).toBe(2);
    expect((await cli('deploy start shop dev --strategy parallel --no-wait')).code).toBe(0);
    expect((await requests().byId(ps.organizationId, id))!.deployment.cutover).toBe('barrier');
    for (const move of ['submit', 'begin', 'gate'] as const) await requests().move(ps.organizationId, id, move);
    const apply = begin('deploy apply shop 1');
    await apply.says(/in progress cutover: /);
    for (const [move, said] of [
      ['goOn', /cutover: [^]*in progress: /],
      ['gate', /in progress: [^]*pending cutover: /],
      ['cutOver', /pending cutover: [^]*in progress cutover: /],
    ] as const) {
      await requests().move(ps.organizationId, id, move);
      await apply.says(said);
    }
    await requests().move(ps.organizationId, id, 'open', { revertWindowEndsAt: new Date('2026-11-21T12:29:59.500Z') });
    expect((await apply.ended).code).toBe(0);
  });

  test('a rollout is waited for while its request has not had its turn', async () => {
    await ps.database();
    const { id } = await ps.request('ready');
    expect((await cli('deploy start shop dev --no-wait')).code).toBe(0);
    let err = '';
    const watch = begin('rollout watch shop dev', { err: (text) => void (err += text) });
    await eventually(() => expect(err).toContain('shop #1 is not rolled out yet'));
    // It goes to one deployment alone after all.
    for (const move of ['submit', 'begin'] as const) await requests().move(ps.organizationId, id, move);
    expect((await watch.ended).code).toBe(1);
    expect(err).toContain('NOT_FOUND');
  });

  test('a deploy is followed to where it waits, then to its revert window', async () => {
    await ps.database();
    const { id } = await ps.request('ready');
    const start = begin('deploy start shop dev');
    await start.says(/queued: /);
    for (const move of ['submit', 'begin'] as const) await requests().move(ps.organizationId, id, move);
    await start.says(/in progress: /);
    const pace = { rowsCopied: 12_000, rowsPerSecond: 12_345.6, etaSeconds: 65, throttledBy: 'lag' };
    await report(id, { users: { state: 'in_progress', percent: 41.7, ...pace } });
    await start.says(/ALTER users {2}41 % {2}12,346 rows\/s, 1 min 5 s left, held up by lag/);
    await cli('deploy throttle shop 1 0.5');
    await start.says(/throttle: rests 50 % of the time/);
    await report(id, { users: { state: 'complete', percent: 100 } });
    await requests().move(ps.organizationId, id, 'gate');
    expect(await start.ended).toMatchObject({ code: 0, err: '' });
    expect(start.out()).toMatch(/ALTER users {2}complete\n/);
    expect(start.out()).toMatch(/pending cutover: [^]*next +gatewright deploy apply shop 1/);

    const held = begin('deploy apply shop 1');
    await held.says(/in progress cutover: /);
    const error = { code: 'CHANGE_BLOCKED', message: 'session 42 of app holds users: SELECT SLEEP(60)' } as const;
    await requests().move(ps.organizationId, id, 'holdUp', { error });
    expect((await held.ended).code).toBe(1);
    expect(held.out()).toContain('session 42 of app holds users');

    const apply = begin('deploy apply shop 1');
    await apply.says(/in progress cutover: /);
    const revertWindowEndsAt = new Date('2026-11-21T12:29:59.500Z'); // the tests' clock stands at noon
    await requests().move(ps.organizationId, id, 'open', { revertWindowEndsAt, error: null });
    expect((await apply.ended).code).toBe(0);
    expect(apply.out()).toMatch(/revert +possible for 30 min\n/);
    expect((await cli('deploy skip-revert shop 1')).code).toBe(0);
  });

  test('the exit code of each command tells how it ended', async () => {
    await ps.database();
    const cancelled = await ps.request('in_progress');
    const cancel = begin('deploy cancel shop 1');
    const watch = begin('deploy watch shop 1');
    await cancel.says(/in progress cancel: /);
    await watch.says(/in progress cancel: /);
    await requests().move(ps.organizationId, cancelled.id, 'cancelled');
    expect([(await cancel.ended).code, (await watch.ended).code]).toEqual([0, 1]);
    const failed = await ps.request('in_progress');
    const failing = begin('deploy watch shop 2');
    await failing.says(/in progress: /);
    const error = { code: 'STORE_UNAVAILABLE', message: 'gone' } as const;
    await requests().move(ps.organizationId, failed.id, 'fail', { error });
    expect((await failing.ended).code).toBe(3);
    expect(failing.out()).toMatch(/STORE_UNAVAILABLE {2}gone\n[^]*next +gatewright deploy complete shop 2/);
    expect((await cli('deploy complete shop 2')).code).toBe(0);
  });

  test('a revert that loses something is refused with what it loses', async () => {
    await ps.database();
    const { id } = await ps.request('complete_pending_revert');
    const losses = [{ table: 'users', column: 'age', rows: 3, message: 'users.age has values in 3 rows' }];
    api.engine.deploys.seen = () => ({ losses });
    expect(await cli('deploy losses shop 1')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/users\.age +users.age has/),
    });
    const tell = api.engine.deploys.tell.bind(api.engine.deploys);
    api.engine.deploys.tell = (ref, signal, told) =>
      told.acceptLosses
        ? tell(ref, signal, told)
        : Promise.reject(new Failure('REVERT_LOSES', losses[0]!.message, { data: { losses } }));
    const refused = await cli('deploy revert shop 1');
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(/users.age has values in 3 rows .*REVERT_LOSES/),
    ]);
    expect(refused.err).toContain('--accept-losses');
    const late = begin('deploy revert shop 1 --accept-losses');
    await late.says(/in progress revert: /);
    const error = { code: 'REVERT_LOSES', message: 'orders.note has values in 1 row' } as const;
    await requests().move(ps.organizationId, id, 'holdUpRevert', { error });
    expect((await late.ended).code).toBe(1);
    expect(late.out()).toContain('orders.note has values');
    const revert = begin('deploy revert shop 1 --accept-losses');
    await revert.says(/in progress revert: /);
    await requests().move(ps.organizationId, id, 'reverted');
    expect((await revert.ended).code).toBe(0);
  });

  test('watch ends without a failure when the person leaves; a command that waits says that it goes on', async () => {
    await ps.database();
    await ps.request('in_progress');
    for (const [line, code] of [
      ['deploy watch shop 1', 0],
      ['deploy cancel shop 1', 130],
    ] as const) {
      const left = new AbortController();
      const followed = begin(line, { interrupted: () => left.signal });
      await followed.says(/in progress/);
      left.abort();
      expect([line, (await followed.ended).code]).toEqual([line, code]);
    }
    expect((await requests().get(ps.organizationId, (await database()).id, 1))!.deployment.state).toBe(
      'in_progress_cancel',
    );
  });

  test('for programs, one document, or one for each change', async () => {
    await ps.database();
    const { id } = await ps.request('pending_cutover');
    const watch = begin('deploy watch shop 1 --json');
    await watch.says(/"deployment_state":"pending_cutover"/);
    const apply = begin('deploy apply shop 1 --json');
    await watch.says(/"deployment_state":"in_progress_cutover"/);
    await requests().move(ps.organizationId, id, 'finishAtOnce');
    expect([(await apply.ended).code, (await watch.ended).code]).toEqual([0, 0]);
    const documents = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { deployment_state: string });
    expect(documents(apply.out()).map((each) => each.deployment_state)).toEqual(['complete']);
    expect(documents(watch.out()).map((each) => each.deployment_state)).toEqual([
      ...['pending_cutover', 'in_progress_cutover', 'complete'],
    ]);
    expect(await json('deploy throttle shop 1')).toEqual({ number: 1, ratio: 0, throttle: 'full speed' });
    expect(await json('deploy auto-apply shop 1 on')).toMatchObject({ deployment: { auto_cutover: true } });
  });

  test.each(['1', '0.96', '96%', '-1', 'fast', '0.3.1'])('a throttle of %s is none', async (ratio) => {
    expect(await cli(['deploy', 'throttle', 'shop', '1', '--', ratio])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^not a throttle/),
    });
  });

  async function database() {
    return (await api.store.deploys.databases.named(ps.organizationId, 'shop'))!;
  }
});
