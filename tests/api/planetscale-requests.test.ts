import { schemaTexts } from '../../domain/deploy/texts';
import type { SchemaModel, Table } from '../../domain/schema/model';
import { eventually, TestApi } from './support/api';
import { expectError, Planetscale } from './support/planetscale';

/* What is told of deploy requests, and what is said about them. */

let api: TestApi;
let ps: Planetscale;
beforeEach(async () => {
  api = await TestApi.start({ waitMs: 1_500 });
  ps = await Planetscale.of(api);
  await ps.database();
});
afterEach(() => api.close());

const stored = async () => (await api.store.deploys.requests.byId(ps.organizationId, await idOf(1)))!;
const idOf = async (number: number): Promise<string> => (await ps.get(`/deploy-requests/${number}`)).json.id as string;

describe('approvals', () => {
  const review = (authorization: string, body: object) =>
    ps.call('POST', ps.at('/deploy-requests/1/reviews'), body, authorization);

  test('where they are required, nothing is deployed without one', async () => {
    await ps.call('PATCH', ps.at(), { require_approval_for_deploy: true });
    await ps.request();
    const refused = await ps.post('/deploy-requests/1/deploy');
    expectError(refused, 403, 'forbidden');
    expect(refused.json.message).toBe('Deploy request must be approved before deploying.');
    expect((await ps.get('/deploy-requests/1')).json.deployment.allowed).not.toContain('deploy');
    expect((await review(ps.tokens.admin, { state: 'commented', body: 'is it <b>right</b>?' })).json).toMatchObject({
      html_body: '<p>is it &lt;b&gt;right&lt;/b&gt;?</p>',
    });
    expectError(await ps.post('/deploy-requests/1/deploy'), 403);
    expect((await review(ps.tokens.operate, { state: 'approved' })).status).toBe(201);
    const shown = (await ps.get('/deploy-requests/1')).json;
    expect(shown).toMatchObject({ approved: true, num_comments: 1 });
    expect((await ps.post('/deploy-requests/1/deploy')).json.deployment_state).toBe('queued');
    const { data } = (await ps.get('/deploy-requests/1/reviews')).json;
    expect(
      data.map(({ state, actor }: { state: string; actor: { display_name: string } }) => [state, actor.display_name]),
    ).toEqual([
      ['commented', 'test admin'],
      ['approved', 'test operate'],
    ]);
  });

  test('one’s own counts only where the settings say so', async () => {
    await ps.call('PATCH', ps.at(), { require_approval_for_deploy: true });
    await ps.request();
    expect((await review(ps.tokens.admin, { state: 'approved' })).status).toBe(201);
    expect((await ps.get('/deploy-requests/1')).json.approved).toBe(true);
    await ps.call('PATCH', ps.at(), { allow_own_approval: false });
    expect((await ps.get('/deploy-requests/1')).json.approved).toBe(false);
    expectError(await ps.post('/deploy-requests/1/deploy'), 403);
    expectError(await review(ps.tokens.admin, { state: 'approved' }), 403, 'unauthorized');
    expect((await review(ps.tokens.operate, { state: 'approved' })).status).toBe(201);
    expect((await ps.post('/deploy-requests/1/deploy')).status).toBe(200);
  });

  test('a comment has words', async () => {
    await ps.request();
    expectError(await review(ps.tokens.admin, {}), 422);
  });
});

describe('the throttle', () => {
  test('begins as that of the database, and is set in whole percent or as a share', async () => {
    expect((await ps.call('PATCH', ps.at('/throttler'), { ratio: 25 })).json).toMatchObject({
      keyspaces: ['shop'],
      configurations: [{ keyspace_name: 'shop', ratio: 25 }],
      throttle: 'rests 25 % of the time, works at 75 % of full speed',
    });
    await ps.request('in_progress');
    expect((await stored()).deployment.throttle).toBe(0.25);
    const path = ps.at('/deploy-requests/1');
    expect((await ps.call('PUT', `${path}/throttle`, { throttle_ratio: 0.95 })).json).toEqual({ status: 'ok' });
    expect((await ps.get('/deploy-requests/1/throttler')).json.configurations).toEqual([
      { keyspace_name: 'shop', ratio: 95 },
    ]);
    await ps.call('PATCH', `${path}/throttler`, { configurations: [{ keyspace_name: 'shop', ratio: 0 }] });
    expect((await stored()).deployment.throttle).toBe(0);
    const written = { configurations: ['{"keyspace_name":"shop","ratio":40}'] };
    await ps.call('PATCH', `${path}/throttler`, written);
    expect((await stored()).deployment.throttle).toBe(0.4);
    expect(api.engine.deploys.told.map(({ signal, told }) => [signal, told.ratio])).toEqual([
      ['setThrottle', 0.95],
      ['setThrottle', 0],
      ['setThrottle', 0.4],
    ]);
    expect((await ps.get('/deploy-requests/1')).json.deployment.throttler_configurations).toEqual({
      configurations: [{ keyspace_name: 'shop', ratio: 40 }],
    });
  });
});

describe('the queue', () => {
  test('is in the order in which requests were deployed, and each says whom it waits for', async () => {
    await ps.post('/branches', { name: 'staging', parent_branch: 'main' });
    for (const _ of [1, 2, 3]) await ps.request();
    const aside = await ps.request('ready', { into_branch: 'staging' });
    for (const number of [3, 1, aside.number, 2]) await ps.post(`/deploy-requests/${number}/deploy`);
    const queue = (await ps.get('/deploy-queue')).json;
    expect(queue.data.map((each: Record<string, unknown>) => each['deploy_request_number'])).toEqual([3, 1, 4, 2]);
    const preceding = async (number: number): Promise<unknown[]> =>
      (await ps.get(`/deploy-requests/${number}`)).json.deployment.preceding_deployments.map(
        (each: Record<string, unknown>) => each['deploy_request_number'],
      );
    expect(await Promise.all([1, 2, 3, 4].map(preceding))).toEqual([[3], [3, 1], [], []]);
    await api.store.deploys.requests.move(ps.organizationId, await idOf(3), 'submit');
    expect(await preceding(1)).toEqual([3]);
    await ps.forced(await idOf(3), 'complete_pending_revert');
    expect(await preceding(1)).toEqual([3]);
    await ps.forced(await idOf(3), 'complete');
    expect(await preceding(1)).toEqual([]);
  });
});

describe('what is told', () => {
  test('a difference, as lines with what became of them', async () => {
    api.engine.deploys.quick = false;
    const { id } = (await ps.post('/deploy-requests', { branch: 'dev' })).json;
    expect((await ps.get('/deploy-requests/1/diff')).json).toEqual({ data: [] });
    const [from, to] = [model(table('users', 'id', 'name')), model(table('users', 'id', 'age'), table('logs', 'id'))];
    await api.store.deploys.requests.setPlan(ps.organizationId, id, JSON.stringify({ from, to }), []);
    const { data } = (await ps.get('/deploy-requests/1/diff')).json;
    expect(data.map(({ name }: { name: string }) => name)).toEqual(['users', 'logs']);
    const lines = (data[0].raw as string).split('\n');
    expect(lines.filter((line) => /^[-+]/.test(line)).map((line) => line[0] + line.slice(1).trim())).toEqual([
      '-`name` int(11) NOT NULL',
      '+`age` int(11) NOT NULL',
    ]);
    expect(data[1].raw).toBe(
      schemaTexts(model(table('logs', 'id')))[0]!
        .text.split('\n')
        .map((line) => `+${line}`)
        .join('\n'),
    );
  });

  test('too little disk', async () => {
    const { id } = await ps.request();
    const { requests } = api.store.deploys;
    const checked = async (): Promise<unknown> => (await ps.get('/deploy-requests/1/storage-check')).json;
    expect(await checked()).toMatchObject({ enough_storage: true, storage_bytes_needed: 0, storage_bytes_free: null });
    const storage = { bytesNeeded: 5_000_000_000, bytesFree: 9_000_000_000 };
    await requests.note(ps.organizationId, id, { storage });
    const known = { storage_bytes_needed: 5_000_000_000, storage_bytes_free: 9_000_000_000, message: null };
    expect(await checked()).toMatchObject({ enough_storage: true, ...known });
    const message = 'the change needs 5 GB, and 1 GB is left';
    await requests.note(ps.organizationId, id, {
      storage: { ...storage, bytesFree: 1_000_000_000 },
      lint: [{ code: 'NOT_ENOUGH_DISK', table: null, column: null, subject: null, message, rows: null }],
    });
    const short = { ...known, storage_bytes_free: 1_000_000_000, message };
    expect(await checked()).toMatchObject({ enough_storage: false, ...short });
  });

  test('what a revert would lose, while one is possible', async () => {
    await ps.request('complete_pending_revert');
    const losses = [{ table: 'users', column: 'age', rows: 3, message: '3 values of age' }];
    api.engine.deploys.seen = () => ({ losses });
    expect((await ps.get('/deploy-requests/1/losses')).json).toEqual({ data: losses });
    await ps.post('/deploy-requests/1/skip-revert');
    expectError(await ps.get('/deploy-requests/1/losses'), 409);
  });

  test('what a request would do, without one being opened', async () => {
    api.engine.deploys.seen = () => ({
      operations: [
        {
          kind: 'DROP',
          table: 'old',
          ddl: 'DROP TABLE old;',
          way: 'immediate',
          because: 'a rename',
          canDropData: true,
        },
      ],
      diff: [{ name: 'old', text: '-CREATE' }],
      lint: [{ code: 'DROPS_DATA', table: 'old', column: null, subject: null, message: 'rows go', rows: null }],
      instantEligible: false,
      bytesNeeded: 7,
    });
    const { status, json } = await ps.post('/deploy-requests?dry_run=true', { branch: 'dev' });
    expect([status, json]).toEqual([
      200,
      expect.objectContaining({ dry_run: true, into_branch: 'main', deployable: true, storage_bytes_needed: 7 }),
    ]);
    expect(json.deploy_operations[0]).toMatchObject({ operation_name: 'DROP', can_drop_data: true });
    expect([json.lint_errors.length, json.lint_warnings[0].lint_error]).toEqual([0, 'DROPS_DATA']);
    expect((await ps.get('/deploy-requests')).json.total_count).toBe(0);
  });
});

describe('waiting', () => {
  test('ends when the request is in a state that is waited for', async () => {
    const { id } = await ps.request('queued');
    const waiting = ps.get('/deploy-requests/1?wait=in_progress,pending_cutover');
    await api.store.deploys.requests.move(ps.organizationId, id, 'submit');
    await api.store.deploys.requests.move(ps.organizationId, id, 'begin');
    expect((await waiting).json.deployment_state).toBe('in_progress');
  });

  test('ends when the request has ended, and when the time is over', async () => {
    await ps.request('complete_cancel');
    expect((await ps.get('/deploy-requests/1?wait=complete')).json.deployment_state).toBe('complete_cancel');
    await ps.request('queued');
    expect((await ps.get('/deploy-requests/2?wait=complete')).json.deployment_state).toBe('queued');
  });
});

test('a stream tells each change, and ends with the request', async () => {
  const { id } = await ps.request('complete_pending_revert');
  const response = await fetch(`${api.url}/v1${ps.at('/deploy-requests/1/events')}`, {
    headers: { authorization: ps.tokens.read },
  });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk as Uint8Array).toString();
  })();
  await eventually(() => text.includes('"deployment_state":"complete_pending_revert"'));
  await api.store.deploys.requests.move(ps.organizationId, id, 'finish');
  await reading;
  const states = [...text.matchAll(/^event: deploy_request\ndata: .*?"deployment_state":"([a-z_]+)"/gm)];
  expect(states.map((match) => match[1])).toEqual(['complete_pending_revert', 'complete']);
});

test('ten requests at once have consecutive numbers', async () => {
  const replies = await Promise.all(Array.from({ length: 10 }, () => ps.post('/deploy-requests', { branch: 'dev' })));
  expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(201));
  expect(replies.map(({ json }) => json.number as number).sort((a, b) => a - b)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ]);
});

test('a close and a deploy at once: exactly one of them is done', async () => {
  for (let round = 1; round <= 5; round++) {
    const { number, id } = await ps.request();
    const path = ps.at(`/deploy-requests/${number}`);
    const replies = await Promise.all([
      ps.call('PATCH', path, { state: 'closed' }),
      ps.call('POST', `${path}/deploy`, {}),
    ]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
    const { closedAt, deployedAt } = (await api.store.deploys.requests.byId(ps.organizationId, id))!;
    expect([closedAt, deployedAt].filter((at) => at !== null)).toHaveLength(1);
  }
});

function model(...tables: Table[]): SchemaModel {
  const none = { views: [], routines: [], sequences: [], enums: [], domains: [], others: [] };
  return { dialect: 'mariadb', defaults: { charset: 'utf8mb4', collation: 'utf8mb4_general_ci' }, tables, ...none };
}

function table(name: string, ...columns: string[]): Table {
  return {
    name,
    columns: columns.map((column) => ({
      ...{ name: column, type: 'int(11)', nullable: false, default: null, generated: null, identity: null },
      ...{ onUpdate: null, charset: null, collation: null, comment: '', options: [] },
    })),
    ...{ primaryKey: null, indexes: [], uniques: [], foreignKeys: [], checks: [], triggers: [], partitioning: null },
    ...{ comment: '', options: {}, rowSecurity: null },
  };
}
