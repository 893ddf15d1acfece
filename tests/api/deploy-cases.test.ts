import type { DeploymentState } from '../../domain/deploy/states';
import { rowsOf, type Row } from '../deploy/support/case-rows';
import { TestApi, type Reply } from './support/api';
import { Planetscale } from './support/planetscale';

/* The rows about calls, as clients make them: over HTTP. */

interface Expected {
  readonly http_status: number;
  readonly deployment_state?: string;
  readonly message?: string;
  readonly body?: unknown;
}

const expectedOf = (row: Row): Expected => row.expected;

let api: TestApi;
let ps: Planetscale;
beforeAll(async () => {
  api = await TestApi.start();
  ps = await Planetscale.of(api);
  await ps.database();
});
afterAll(() => api.close());

function ask(action: string, number: number): Promise<Reply> {
  const path = ps.at(`/deploy-requests/${number}`);
  const [, ratio] = /^throttle\((.*)\)$/.exec(action) ?? [];
  if (ratio !== undefined) return ps.call('PUT', `${path}/throttle`, { throttle_ratio: Number(ratio) });
  if (action === 'get') return ps.call('GET', path);
  if (action === 'close') return ps.call('PATCH', path, { state: 'closed' });
  return ps.call('POST', `${path}/${action}`);
}

test.each(rowsOf('action'))('$name', async (row) => {
  const expected = expectedOf(row);
  await ps.call('PATCH', ps.at(), { require_approval_for_deploy: row.require_approval ?? false });
  const request = row.state === null ? null : await ps.request(row.state as DeploymentState);
  if (request && row.deployed !== undefined) expect(request.deployedAt !== null).toBe(row.deployed);
  const reply = await ask(row.action, request?.number ?? 999_999);
  expect(reply.status).toBe(expected.http_status);
  const message = row.message ?? expected.message;
  if (message) expect(reply.json.message).toContain(message);
  if (!request || expected.deployment_state === undefined) return;
  const now = (await api.store.deploys.requests.byId(ps.organizationId, request.id))!.deployment.state;
  // Where there are several, a remark in brackets says when.
  expect(expected.deployment_state.split(' | ').map((state) => state.replace(/ \(.*$/, ''))).toContain(now);
});

test.each(rowsOf('throttle'))('$name', async (row) => {
  const [{ ratio }, expected] = [row, expectedOf(row)];
  const { number } = await ps.request('in_progress');
  const reply = await ask(`throttle(${ratio})`, number);
  expect(reply.status).toBe(expected.http_status);
  if (expected.body) expect(reply.json).toEqual(expected.body);
});
