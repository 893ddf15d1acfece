import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultFleetPolicy } from '../../../domain/fleet/policy';
import { decide } from '../../../domain/fleet/scaling';
import { TestApi, type Reply } from '../../api/support/api';
import { DstackProject } from '../../api/support/dstack';
import { settle } from '../../api/support/fleet';

/*
 * What dstack's clients were seen to send, and what they were seen to take: every request of `samples/` is answered,
 * and every answer has the members of the samples, of the same kinds.
 */

const directory = join(__dirname, 'samples');
const sample = (name: string): unknown => JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'));

interface Request {
  readonly path: string;
  readonly body: object;
}

/** The id of the gateway in the samples. */
const EDGE = '9d2f6b1c-4e7a-4b0d-8c35-1a2b3c4d5e6f';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());

/** Sends a sample as the client did that it was seen of, about a gateway of ours. */
function send(project: DstackProject, name: string, edge = EDGE): Promise<Reply> {
  const { path, body } = sample(name) as Request;
  const here = path.replace('/project/main/', `/project/${project.organizationId}/`);
  return project.call(here.replace(/^\/api/, ''), JSON.stringify(body).replaceAll(EDGE, edge));
}

async function running(version: string): Promise<{ project: DstackProject; edge: string }> {
  const project = new DstackProject(api, version);
  const { status, json } = await send(project, `req_apply_create_${version}`);
  expect([status, json.status]).toEqual([200, 'submitted']);
  await settle(api.store, await project.stored());
  return { project, edge: json.id };
}

const names = readdirSync(directory).map((name) => name.replace('.json', ''));

describe.each(['0.22.5', '0.20.28'])('requests of %s', (version) => {
  const all = names.filter((name) => name.startsWith('req_'));
  const own = all.filter((name) => name.endsWith(version) || !/\d$/.test(name));

  test.each(own.filter((name) => !name.startsWith('req_apply_create')))('%s', async (name) => {
    const { project, edge } = await running(version);
    const reply = await send(project, name, edge);
    expect([reply.status, reply.text]).toEqual([200, expect.any(String)]);
    const stored = await project.stored();
    if (name.startsWith('req_apply_update'))
      expect(stored).toMatchObject({ id: edge, desiredReplicas: 2, wildcardDomain: 'example.org' });
    else if (name === 'req_delete') expect(stored.deletionMarkedAt).not.toBeNull();
    else if (name === 'req_set_wildcard_domain') expect(stored.wildcardDomain).toBe('new.example.com');
    else expect(stored).toMatchObject({ id: edge, desiredReplicas: 1, wildcardDomain: 'example.com' });
  });

  test('an apply that is sent again after its answer was lost is the same gateway', async () => {
    const { project, edge } = await running(version);
    expect((await send(project, `req_apply_create_${version}`)).json.id).toBe(edge);
  });
});

describe('answers', () => {
  /** How each is come by; `edge` is the gateway that runs. */
  const asked: Readonly<Record<string, (project: DstackProject, edge: string) => Promise<Reply>>> = {
    resp_gateway_running: (project) => project.gateways('get', { name: 'edge' }),
    resp_gateway_running_2: (project) => project.gateways('get', { name: 'edge' }),
    resp_gateways_list: (project) => send(project, 'req_list'),
    resp_plan_update: (project) => project.plan({ replicas: 2 }),
    resp_plan_create: (project) => project.plan({ name: 'other' }),
    resp_events_list_descending: (project, edge) => send(project, 'req_events_list_0.22.5', edge),
    resp_project_get: (project) => project.call(`/projects/${project.organizationId}/get`),
    resp_get_my_user: (project) => project.call('/users/get_my_user'),
    err_400_error: (project) => project.apply({ replicas: 2 }),
    err_400_resource_not_exists: (project) => project.gateways('get', { name: 'none' }),
    err_400_resource_exists: (project) =>
      project.gateways('create', { configuration: { name: 'edge', backend: 'aws', region: 'us-east-1' } }),
    err_403: (project) => project.gateways('list', {}, 'wrong'),
    err_404: (project) => project.call('/project/main/gateways/list', {}),
    err_422: (project) => project.gateways('get', {}),
    resp_gateway_submitted: async (project) => {
      await project.apply({ name: 'new' });
      return await project.gateways('get', { name: 'new' });
    },
    resp_gateway_failed: async (project) => {
      await project.apply({ name: 'doomed' });
      const { id } = await project.stored('doomed');
      const facts = { now: new Date(), backend: { available: false, loadBalancer: false }, policy: defaultFleetPolicy };
      await api.store.fleet.gateways.reconcile(project.organizationId, id, (...rows) => decide(...rows, facts));
      return await project.gateways('get', { name: 'doomed' });
    },
  };

  test('every sample is asked for, or is a state in between', () => {
    const samples = names.filter((name) => !name.startsWith('req_'));
    expect(samples.filter((name) => !asked[name])).toEqual(['resp_gateway_provisioning']);
  });

  test.each(Object.keys(asked))('%s', async (name) => {
    const { project, edge } = await running('0.22.5');
    const reply = await asked[name]!(project, edge);
    const status = name.startsWith('resp') ? 200 : Number(name.split('_')[1]);
    expect(reply.status).toBe(status);
    // What was sent is not sent back.
    expect(lacking(reply.json, sample(name))).toEqual(name === 'err_422' ? ['.detail[0].input: missing'] : []);
  });
});

/** What of a sample an answer does not have, or has of another kind; null is of every kind, and lists are of one. */
function lacking(found: unknown, wanted: unknown, path = ''): string[] {
  if (wanted === null || found === null) return [];
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found)) return [`${path}: no list`];
    return wanted.length === 0 || found.length === 0 ? [] : lacking(found[0], wanted[0], `${path}[0]`);
  }
  if (typeof wanted !== 'object') return typeof found === typeof wanted ? [] : [`${path}: ${typeof found}`];
  if (typeof found !== 'object') return [`${path}: ${typeof found}`];
  return Object.entries(wanted).flatMap(([key, value]) =>
    Object.hasOwn(found, key)
      ? lacking((found as Record<string, unknown>)[key], value, `${path}.${key}`)
      : [`${path}.${key}: missing`],
  );
}
