import type { DeploymentState } from '../../domain/deploy/states';
import { stateFacts } from '../../domain/deploy/states';
import { overruled } from '../deploy/support/overruled';
import { readCases, type Case } from '../support/cases';
import { TestApi, type Reply } from './support/api';
import { Planetscale } from './support/planetscale';

/* The rows about calls, as clients make them: over HTTP. */

interface Row extends Case {
  readonly kind: string;
  readonly state: string | null;
  readonly action: string;
  readonly deployed?: boolean;
  readonly require_approval?: boolean;
  readonly message?: string | null;
  readonly ratio: number;
  readonly expected: {
    readonly http_status: number;
    readonly deployment_state?: string;
    readonly message?: string;
    readonly body?: unknown;
  };
}

const rows = readCases<Row>('deploy_request_cases.json').filter(({ name }) => !Object.hasOwn(overruled, name));
const isOurs = (state: string | null): boolean => state === null || Object.hasOwn(stateFacts, state);
const actions = rows.filter(({ kind, state }) => kind === 'action' && isOurs(state));

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

test.each(actions)('$name', async (row) => {
  await ps.call('PATCH', ps.at(), { require_approval_for_deploy: row.require_approval ?? false });
  const request = row.state === null ? null : await ps.request(row.state as DeploymentState);
  if (request && row.deployed !== undefined) expect(request.deployedAt !== null).toBe(row.deployed);
  const reply = await ask(row.action, request?.number ?? 999_999);
  expect(reply.status).toBe(row.expected.http_status);
  const message = row.message ?? row.expected.message;
  if (message) expect(reply.json.message).toContain(message);
  if (!request || row.expected.deployment_state === undefined) return;
  const now = (await api.store.deploys.requests.byId(ps.organizationId, request.id))!.deployment.state;
  // Where there are several, a remark in brackets says when.
  expect(row.expected.deployment_state.split(' | ').map((state) => state.replace(/ \(.*$/, ''))).toContain(now);
});

test.each(rows.filter(({ kind }) => kind === 'throttle'))('$name', async ({ ratio, expected }) => {
  const { number } = await ps.request('in_progress');
  const reply = await ask(`throttle(${ratio})`, number);
  expect(reply.status).toBe(expected.http_status);
  if (expected.body) expect(reply.json).toEqual(expected.body);
});
