import { passwordRunId } from '../../../domain/deploy/contract';
import { eventually } from '../../support/eventually';
import { changes, servers, shop as tables, type Served as Server, type ServerName } from '../../deploy/support/servers';
import { Served, type Account } from './served';
import { Shop, SOON_MS } from './shop';
import type { Sdk } from './sdk';

/*
 * PlanetScale's SDK, unmodified, drives real databases from nothing to deployed, reverted, skipped, cancelled, throttled,
 * closed, approved and refused: real servers, Temporal, worker and API. `SERVERS=all` does everything with each of them;
 * without it what is the same whatever the server is done with one.
 */

jest.setTimeout(120_000);

const first = servers[0]![0];

describe.each(servers)('%s', (name, start) => {
  const all = process.env['SERVERS'] === 'all' || name === first;
  const server = name as ServerName;
  const at = { database: 'shop' };
  const changed = changes[server];
  /** A change that none of the others has made. */
  const another = 'ALTER TABLE orders ADD COLUMN street varchar(20)';
  let running: Server;
  let served: Served;
  let sdk: Sdk;
  let shop: Shop;
  let main: Account;
  /** As the worker finds it. */
  let freeDisk: number | null = null;

  beforeAll(async () => {
    running = await start();
    served = await Served.start(running.target, { freeDisk: () => freeDisk });
    sdk = served.sdk;
    shop = new Shop(served);
  }, 240_000);
  afterAll(async () => {
    await served?.close();
    await running?.stop();
  });

  test('a database is made, and whoever is given an account of it fills it', async () => {
    const kind = running.target.kind;
    const made = await sdk.call('createDatabase', { name: 'shop', kind, cluster_size: 'PS_10' });
    expect(made).toMatchObject({ name: 'shop', kind });
    await eventually(async () => {
      if ((await sdk.call('getDatabase', at)).state !== 'ready') throw new Error('the database is not ready');
    }, SOON_MS);
    main = await shop.account('main');
    await main.run(...tables[server].slice(0, 1));
    await running.target.run(await shop.schemaOf('main'), tables[server].slice(1));
    expect(await shop.columns()).toEqual(['id', 'note', 'amount']);
  });

  test('an account touches its branch alone', async () => {
    const own = await shop.branch([]);
    const other = await shop.schemaOf('main');
    const dev = await shop.account(own, { role: 'admin' });
    await expect(dev.run(`SELECT * FROM ${other}.orders`)).rejects.toThrow(/denied/);
    const reader = await shop.account(own, { role: 'reader' });
    await expect(reader.run("INSERT INTO orders (note, amount) VALUES ('x', 1)")).rejects.toThrow(/denied/);
    expect(await reader.run('SELECT * FROM orders')).toEqual([]);
  });

  test('a branch shows what it is, what it has changed, and what speaks against it', async () => {
    const own = { ...at, branch: await shop.branch([changed.add]) };
    const { data } = await sdk.call('getBranchSchema', own);
    expect(data).toMatchObject([{ name: 'orders', raw: expect.stringContaining('city') }]);
    expect((await sdk.call('lintBranchSchema', own)).data).toEqual([]);
    const diff = await served.ours('GET', `/shop/branches/${own.branch}/diff`);
    expect(diff.data[0].raw).toMatch(/^\+.*city/m);
    const would = await served.ours('POST', '/shop/deploy-requests?dry_run=true', { branch: own.branch });
    expect(would).toMatchObject({ status: 200, deployable: true, deploy_operations: [{ operation_name: 'ALTER' }] });
  });

  test('a gated deploy is throttled, applied and reverted, and no row is lost', async () => {
    const number = await shop.open([changed.widen]);
    const one = { ...at, number };
    expect((await served.ours('GET', `/shop/deploy-requests/${number}/diff`)).data[0].raw).toMatch(/^\+.*bigint/im);
    await sdk.call('updateDeployRequestThrottler', { ...one, ratio: 90 });
    await sdk.call('queueDeployRequest', one);
    await sdk.call('updateDeployRequestThrottler', { ...one, ratio: 0 });
    const gated = await shop.reaches(number, 'pending_cutover');
    expect(gated['deployment']).toMatchObject({ deploy_operations: [{ progress_percentage: 100 }] });
    expect((await sdk.call('listDeployOperations', one)).data).toMatchObject([{ table_name: 'orders' }]);
    await main.run("INSERT INTO orders (note, amount) VALUES ('before', 1)");
    await sdk.call('completeGatedDeployRequest', one);
    await shop.reaches(number, 'complete_pending_revert');
    await main.run("INSERT INTO orders (note, amount) VALUES ('after', 2)");
    expect(await served.ours('GET', `/shop/deploy-requests/${number}/losses`)).toMatchObject({ status: 200 });
    await sdk.call('completeRevert', one);
    await shop.reaches(number, 'complete_revert');
    const rows = await main.run("SELECT note FROM orders WHERE note IN ('before', 'after') ORDER BY note");
    expect(rows.map((row) => row['note'])).toEqual(['after', 'before']);
    expect(await sdk.refused('completeRevert', one)).toMatchObject({ tag: 'Conflict' });
  });

  test('one that applies itself is kept at once where nobody wants a revert', async () => {
    const number = await shop.open([changed.add], { auto_cutover: true });
    await sdk.call('queueDeployRequest', { ...at, number });
    await shop.reaches(number, 'complete_pending_revert');
    await sdk.call('skipRevertPeriod', { ...at, number });
    await shop.reaches(number, 'complete');
    expect(await shop.columns()).toContain('city');
    expect(await sdk.call('getDeployRequest', { ...at, number })).toMatchObject({ state: 'closed' });
  });

  if (all)
    test('one that is cancelled leaves everything as it was, and its place to the next', async () => {
      const first = await shop.open([changed.widen]);
      const second = await shop.open([changed.drop]);
      await sdk.call('queueDeployRequest', { ...at, number: first });
      await shop.reaches(first, 'pending_cutover');
      await sdk.call('queueDeployRequest', { ...at, number: second });
      const waits = await shop.reaches(second, 'queued');
      expect(waits['deployment']).toMatchObject({ preceding_deployments: [{ deploy_request_number: first }] });
      const queue = (await sdk.call('getDeployQueue', at)).data as { deploy_request_number: number }[];
      expect(queue.map((each) => each.deploy_request_number)).toEqual([first, second]);
      await sdk.call('cancelDeployRequest', { ...at, number: first });
      await shop.reaches(first, 'complete_cancel');
      await shop.reaches(second, 'pending_cutover');
      await sdk.call('cancelDeployRequest', { ...at, number: second });
      await shop.reaches(second, 'complete_cancel');
      expect(await shop.columns()).toEqual(['id', 'note', 'amount', 'city']);
      expect((await sdk.call('getDeployQueue', at)).data).toEqual([]);
    });

  test('what only touches the catalog of every table that it alters can be instant', async () => {
    const eligible = async (...statements: string[]): Promise<unknown> => {
      const one = { ...at, number: await shop.open(statements) };
      const { deployment } = await sdk.call('getDeployRequest', one);
      await sdk.call('closeDeployRequest', { ...one, state: 'closed' });
      return deployment.instant_ddl_eligible;
    };
    expect(await eligible(another)).toBe(true);
    expect(await eligible('CREATE INDEX of_notes ON orders (note)')).toBe(false);
    expect(await eligible('CREATE TABLE tags (id int PRIMARY KEY)')).toBe(false);
    expect(await eligible('DROP TABLE orders')).toBe(false);
  });

  if (all)
    test('one that the disk has no room for is refused, and says how much it needs', async () => {
      freeDisk = 1_000;
      const one = { ...at, number: await shop.open([changed.widen], {}, 'error') };
      freeDisk = null;
      const checked = await sdk.call('checkDeployRequestStorage', one);
      expect(checked).toMatchObject({ enough_storage: false, storage_bytes_needed: expect.any(Number) as number });
      expect(checked.storage_bytes_needed).toBeGreaterThan(1_000);
      const { lint_errors: errors } = await sdk.call('getDeployment', one);
      expect(errors).toMatchObject([{ lint_error: 'NOT_ENOUGH_DISK' }]);
      await sdk.call('closeDeployRequest', { ...one, state: 'closed' });
    });

  test('a column that is declared to have another name keeps its values, there and back', async () => {
    const branch = await shop.branch(['ALTER TABLE orders RENAME COLUMN note TO remark']);
    const would = async (renames?: object): Promise<unknown> =>
      await served.ours('POST', '/shop/deploy-requests?dry_run=true', { branch, renames });
    expect(await would()).toMatchObject({
      lint_warnings: expect.arrayContaining([expect.objectContaining({ lint_error: 'MAYBE_RENAME' })]) as [],
    });
    const renames = [{ table: 'orders', from: 'note', to: 'remark' }];
    expect(await would(renames)).toMatchObject({ lint_warnings: [], lint_errors: [] });
    const body = { branch, auto_cutover: true, renames };
    const { number } = await served.ours('POST', '/shop/deploy-requests', body);
    await shop.reaches(number as number, 'ready');
    await sdk.call('queueDeployRequest', { ...at, number });
    await shop.reaches(number as number, 'complete_pending_revert');
    expect(await main.run("SELECT remark FROM orders WHERE remark = 'before'")).toHaveLength(1);
    await main.run("INSERT INTO orders (remark, amount) VALUES ('renamed', 3)");
    await sdk.call('completeRevert', { ...at, number });
    await shop.reaches(number as number, 'complete_revert');
    expect(await main.run("SELECT note FROM orders WHERE note IN ('before', 'renamed')")).toHaveLength(2);
    const wrong = [{ ...renames[0], to: 'comment' }];
    const refused = await served.ours('POST', '/shop/deploy-requests', { branch, renames: wrong });
    const { deployment } = await shop.reaches(refused.number as number, 'error');
    expect(deployment.deploy_check_errors).toMatch(/a rename of orders.note to comment is declared, but/);
  });

  if (all)
    test('a cut-over that somebody holds up says who, and is forced', async () => {
      const one = { ...at, number: await shop.open([changed.widen]) };
      await sdk.call('queueDeployRequest', one);
      await shop.reaches(one.number, 'pending_cutover');
      const holder = await running.target.session(await shop.schemaOf('main'));
      await holder.execute('START TRANSACTION');
      await holder.query('SELECT * FROM orders');
      await sdk.call('completeGatedDeployRequest', one);
      const held = await eventually(async () => {
        const { state, deploy_check_errors: errors } = await sdk.call('getDeployment', one);
        if (state !== 'pending_cutover' || errors === null) throw new Error(`it is ${state}`);
        return errors as string;
      }, SOON_MS);
      expect(held).toMatch(/lock/);
      await sdk.call('forceCutoverDeployRequest', one);
      const { deployment_state: state } = await sdk.call('getDeployRequest', one);
      if (state === 'pending_cutover') await sdk.call('completeGatedDeployRequest', one);
      await shop.reaches(one.number, 'complete_pending_revert');
      holder.destroy();
      await sdk.call('skipRevertPeriod', one);
      await shop.reaches(one.number, 'complete');
    });

  test('one that is instant is complete at once, and its branch goes with it where that is wanted', async () => {
    const number = await shop.open(['ALTER TABLE orders ADD COLUMN zip varchar(20)']);
    const one = { ...at, number };
    const { branch: own } = await sdk.call('getDeployRequest', one);
    await sdk.call('updateAutoDeleteBranch', { ...one, enable: true });
    await sdk.call('queueDeployRequest', { ...one, instant_ddl: true });
    await shop.reaches(number, 'complete');
    expect(await shop.columns()).toEqual(['id', 'note', 'amount', 'city', 'zip']);
    await eventually(async () => {
      const refused = await sdk.refused('getBranch', { ...at, branch: own });
      if (refused.tag !== 'NotFound') throw new Error(refused.message);
    }, SOON_MS);
    expect(await sdk.call('getDeployRequest', one)).toMatchObject({ branch_deleted: true });
  });

  if (all)
    test('where approval is required, one is deployed once it is approved', async () => {
      await sdk.call('updateDatabaseSettings', { ...at, require_approval_for_deploy: true });
      const number = await shop.open([another]);
      const one = { ...at, number };
      expect(await sdk.refused('queueDeployRequest', one)).toEqual({
        tag: 'Forbidden',
        message: 'Deploy request must be approved before deploying.',
        cause: null,
      });
      await sdk.call('reviewDeployRequest', { ...one, state: 'approved', body: 'fine' });
      await sdk.call('queueDeployRequest', one);
      await shop.reaches(number, 'pending_cutover');
      await sdk.call('cancelDeployRequest', one);
      await shop.reaches(number, 'complete_cancel');
      await sdk.call('updateDatabaseSettings', { ...at, require_approval_for_deploy: false });
    });

  if (all)
    test('one without changes, and one that is closed, are never deployed', async () => {
      const none = { ...at, number: await shop.open([], {}, 'no_changes') };
      expect(await sdk.refused('queueDeployRequest', none)).toMatchObject({ tag: 'Conflict' });
      expect(await sdk.call('closeDeployRequest', { ...none, state: 'closed' })).toMatchObject({ state: 'closed' });
      const closed = { ...at, number: await shop.open([another]) };
      expect(await sdk.call('closeDeployRequest', { ...closed, state: 'closed' })).toMatchObject({ state: 'closed' });
      expect(await sdk.refused('queueDeployRequest', closed)).toMatchObject({ tag: 'Conflict' });
    });

  test('a token and a password are in no log and in no history', async () => {
    const made = await sdk.call('createPassword', { ...at, branch: 'main', name: 'canary' });
    const run = served.world.temporal.client.workflow.getHandle(passwordRunId(made.id as string, 'create'));
    const history = textsOf((await run.fetchHistory()).events).join();
    expect(history).toContain(made.username);
    const all = served.log.join('') + history;
    for (const secret of [made.plain_text as string, served.authorization.split(':')[1]!])
      expect(all).not.toContain(secret);
  });

  test('the database goes with everything that was made for it', async () => {
    await sdk.call('deleteDatabase', at);
    await eventually(async () => {
      const refused = await sdk.refused('getDatabase', at);
      if (refused.tag !== 'NotFound') throw new Error(refused.message);
    }, SOON_MS);
    await expect(main.run('SELECT 1')).rejects.toThrow();
    const [schema, accounts] = running.target.kind === 'mysql' ? ['mysql', 'mysql.user'] : ['public', 'pg_user'];
    const name = running.target.kind === 'mysql' ? 'User' : 'usename';
    for (const query of [
      "SELECT * FROM information_schema.schemata WHERE schema_name LIKE 'gw%'",
      `SELECT * FROM ${accounts} WHERE ${name} LIKE 'gw%'`,
    ])
      expect(await running.target.rows(schema, query)).toEqual([]);
  });
});

/** Every text in something, those in bytes too. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (ArrayBuffer.isView(value)) return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
