import { TestApi } from '../api/support/api';
import { expectError, Planetscale } from '../api/support/planetscale';
import { runCli, type Ended } from './support/run-cli';

/* How somebody who opens a deploy request says that columns keep their values under another name: over HTTP, and typed. */

let api: TestApi;
let ps: Planetscale;
beforeAll(async () => {
  api = await TestApi.start();
  ps = await Planetscale.of(api);
  await ps.database();
});
afterAll(() => api.close());

const renames = [
  { table: 'orders', from: 'note', to: 'remark' },
  { table: 'a.b', from: 'x y', to: 'z' },
];

async function cli(...args: string[]): Promise<Ended> {
  const env = {
    ...{ GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: ps.tokens.admin },
    GATEWRIGHT_ORGANIZATION: ps.organizationId,
  };
  return await runCli(args, { env });
}

const typed = ['--rename', 'orders.note=remark', '--rename', 'a.b.x y=z'];

test('a request keeps what was declared, and shows it', async () => {
  const { status, json } = await ps.post('/deploy-requests', { branch: 'dev', renames });
  expect([status, json.renames]).toEqual([201, renames]);
  expect((await ps.get(`/deploy-requests/${json.number}`)).json.renames).toEqual(renames);
  const { json: other } = await ps.post('/deploy-requests', { branch: 'dev', renames: null });
  expect(other.renames).toEqual([]);
});

test.each([
  ['no list', 'orders.note=remark'],
  ['a member less', [{ table: 'orders', from: 'note' }]],
  ['a member more', [{ ...renames[0], why: 'so' }]],
  ['an empty name', [{ ...renames[0], to: '' }]],
  ['a name that is too long', [{ ...renames[0], to: 'x'.repeat(256) }]],
  ['too many', Array(101).fill(renames[0])],
])('%s is refused', async (_, wrong) => {
  expectError(await ps.post('/deploy-requests', { branch: 'dev', renames: wrong }), 422);
});

test('a dry run is told of them, too', async () => {
  await ps.post('/deploy-requests?dry_run=true', { branch: 'dev', renames });
  expect(api.engine.deploys.looks.at(-1)!.look).toMatchObject({ at: 'change', renames });
  expect((await cli('deploy', 'create', 'shop', 'dev', '--dry-run', ...typed)).code).toBe(0);
  expect(api.engine.deploys.looks.at(-1)!.look).toMatchObject({ at: 'change', renames });
});

test('typed, they are the same, and are printed', async () => {
  const { code, out } = await cli('deploy', 'create', 'shop', 'dev', ...typed);
  expect(code).toBe(0);
  expect(out).toMatch(/^renames +orders\.note to remark, a\.b\.x y to z$/m);
  const newest = (await ps.get('/deploy-requests')).json.data[0];
  expect(newest.renames).toEqual(renames);
  expect((await cli('deploy', 'create', 'shop', 'dev', '--json')).out).toContain('"renames":[]');
});

test.each(['orders', 'orders.note', 'note=remark', 'orders.note=', '.note=remark'])(
  '%s is no rename',
  async (wrong) => {
    const { code, err } = await cli('deploy', 'create', 'shop', 'dev', '--rename', wrong);
    expect([code, err]).toEqual([2, expect.stringContaining('It must be as in orders.note=remark.')]);
  },
);
