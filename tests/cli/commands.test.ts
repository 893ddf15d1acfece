import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '../../cli/io';
import { planOf } from '../../domain/run-plan';
import { FakeApi } from './support/fake-api';
import {
  allocationId,
  at,
  organization,
  replicaId,
  rolledBack,
  run,
  runId,
  stuck,
  succeeded,
  token,
} from './support/fixtures';
import { runCli, type Ended } from './support/run-cli';

let api: FakeApi;

beforeEach(async () => {
  api = await FakeApi.start();
});

afterEach(async () => {
  await api.close();
  expect(api.wrong).toEqual([]);
});

/** Runs a command line against the fake API. */
async function cli(line: string, over: Partial<Io> = {}): Promise<Ended> {
  const env = { GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: token };
  return await runCli(line.split(' '), { env, ...over });
}

const json = (ended: Ended): unknown => JSON.parse(ended.out);
const { steps: _steps, cancelled: _cancelled, ...listed } = rolledBack;
const gateway = {
  gateway_hostname: `org-${organization}.gateway.test`,
  organization_id: organization,
  allocation_id: allocationId,
  run_id: runId,
  state: 'live',
  replica_id: replicaId,
  epoch: 3,
};
const accepted = { run_id: runId, allocation_id: allocationId, organization_id: organization, state: 'running' };
const allocation = {
  id: allocationId,
  organization_id: organization,
  state: 'live',
  gateway_hostname: gateway.gateway_hostname,
  replica_id: replicaId,
  epoch: 3,
  run_id: runId,
  created_at: at(0),
  released_at: null,
  resource_version: 2,
};

/** The stream of a run: entries of its journal as the API sends them. */
function stream(...entries: Record<string, unknown>[]) {
  const common = { run_id: runId, organization_id: organization, kind: 'gateway.start' };
  return (_: unknown, res: import('node:http').ServerResponse): void => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    entries.forEach((entry, index) => {
      const seq = index + 1;
      res.write(
        `id: ${seq}\nevent: ${String(entry['type'])}\ndata: ${JSON.stringify({ seq, ...common, ...entry })}\n\n`,
      );
    });
    res.end(`event: end\ndata: {"run_id":"${runId}","state":"succeeded"}\n\n`);
  };
}

const attempt = { step: 'dns', phase: 'do', activity: 'registerDns', activity_id: '2', attempt: 1, worker: 'host/1/2' };
const entries = [
  { type: 'run.state', at: at(0), state: 'running' },
  { type: 'attempt.started', at: at(10), ...attempt },
  {
    type: 'attempt.ended',
    at: at(41),
    ...attempt,
    outcome: 'failed',
    error: { code: 'DNS_UNAVAILABLE', message: 'no answer' },
  },
  { type: 'run.state', at: at(60), state: 'rolling_back', error: { code: 'DNS_UNAVAILABLE', message: 'no answer' } },
];

describe('start and stop', () => {
  test('a gateway that is up already is shown at once', async () => {
    api.answer('startGateway', { status: 200, body: gateway });
    const ended = await cli(`start ${organization}`);
    expect(ended).toEqual({
      code: 0,
      err: '',
      out: `\
gateway     org-${organization}.gateway.test
state       live
allocation  ${allocationId}
run         ${runId}
`,
    });
    expect(api.seen[0]!.headers).toMatchObject({ prefer: 'respond-async', authorization: `Bearer ${token}` });
    expect(api.seen[0]!.body).toEqual({ organization_id: organization });
  });

  test('a start is followed, line by line, to the gateway', async () => {
    api.answer('startGateway', { status: 202, body: accepted });
    api.answer('getRun', { status: 200, body: succeeded });
    api.answer('streamRunEvents', stream(...entries.slice(0, 2)));
    api.answer('getAllocation', { status: 200, body: allocation });
    const ended = await cli(`start ${organization}`);
    expect(ended.code).toBe(0);
    expect(ended.out).toBe(`\
${runId}

11:58:00.000  run              running
11:58:00.010  dns        do    started

gateway     org-${organization}.gateway.test
state       live
allocation  ${allocationId}
`);
  });

  test('a start that was taken back ends with 1 and its error', async () => {
    api.answer('startGateway', { status: 202, body: accepted });
    api.answer('getRun', { status: 200, body: rolledBack });
    api.answer('streamRunEvents', stream(...entries));
    const ended = await cli(`start ${organization}`);
    expect(ended.code).toBe(1);
    expect(ended.out).toContain('11:58:00.041  dns        do    failed  31 ms  DNS_UNAVAILABLE  no answer\n');
    expect(ended.out).toContain('state     rolled back\n');
  });

  test('with JSON, the answer or the problem is the one document, and the exit code tells which', async () => {
    api.answer(
      'startGateway',
      { status: 200, body: gateway },
      { status: 500, body: failure({ needs_attention: true }) },
    );
    const good = await cli(`start ${organization} --output json`);
    expect([good.code, json(good)]).toEqual([0, gateway]);
    expect(api.seen[0]!.headers).not.toHaveProperty('prefer');
    const bad = await cli(`start ${organization} --output json`);
    expect([bad.code, bad.err]).toEqual([3, '']);
    expect(json(bad)).toMatchObject({ code: 'HANDSHAKE_FAILED', details: 'the gateway answered 500', run_id: runId });
  });

  test('with JSON, a start that outlasts the API’s patience is waited for', async () => {
    api.answer('startGateway', { status: 202, body: accepted });
    api.answer('getRun', { status: 200, body: succeeded });
    api.answer('streamRunEvents', stream(...entries));
    api.answer('getAllocation', { status: 200, body: allocation });
    const ended = await cli(`start ${organization} --output json`);
    expect([ended.code, json(ended)]).toEqual([0, gateway]);
  });

  test('--no-wait prints the run and leaves; the key goes along', async () => {
    api.answer('startGateway', { status: 202, body: accepted });
    const ended = await cli(`start ${organization} --no-wait --idempotency-key k1`);
    expect(ended.code).toBe(0);
    expect(ended.out).toContain(`follow it  gatewright run ${runId} --follow\n`);
    expect(api.seen[0]!.headers['idempotency-key']).toBe('k1');
  });

  test('--plan shows what would be done and undone', async () => {
    const steps = planOf('gateway.start').map(({ name, do: does, undo }) => ({ name, do: does, undo }));
    const { gateway_hostname } = gateway;
    const plan = { kind: 'gateway.start', organization_id: organization, gateway_hostname, validate_only: true, steps };
    api.answer('startGateway', { status: 200, body: plan });
    const ended = await cli(`start ${organization} --plan`);
    expect(api.seen[0]!.query).toEqual({ validateOnly: 'true' });
    expect(ended.out).toContain('reload\n  do    publish a new generation on every edge and prove it live\n');
    expect(ended.out).toContain('  undo  nothing to undo: the undo of route publishes\n');
  });

  test('a stop names an organization or an allocation, not both and not neither', async () => {
    api.answer('stopGateway', {
      status: 200,
      body: { ...gateway, state: 'released', replica_id: undefined, epoch: undefined },
    });
    expect((await cli(`stop --allocation ${allocationId}`)).out).toContain('state       stopped\n');
    expect(api.seen[0]!.body).toEqual({ allocation_id: allocationId });
    expect((await cli('stop')).code).toBe(2);
    expect((await cli(`stop ${organization} --allocation ${allocationId}`)).code).toBe(2);
    expect(api.seen).toHaveLength(1);
  });
});

describe('runs', () => {
  test('are listed with their filters, page after page', async () => {
    const page = (next: string | null) => ({ status: 200, body: { runs: [listed], next_page_token: next } });
    api.answer('listRuns', page('more'), page('more'));
    const filters = `--organization ${organization} --kind gateway.start --state rolled_back --needs-attention`;
    const ended = await cli(`runs --limit 2 ${filters}`);
    expect(ended.out).toBe(`\
run                                                 state        began        took  organization                          error
${runId}  rolled back  2 min ago  2.70 s  ${organization}  HANDSHAKE_FAILED
${runId}  rolled back  2 min ago  2.70 s  ${organization}  HANDSHAKE_FAILED
`);
    const common = { organization, kind: 'gateway.start', state: 'rolled_back', needs_attention: 'true' };
    expect(api.seen.map(({ query }) => query)).toEqual([
      { ...common, page_size: '2' },
      { ...common, page_size: '1', page_token: 'more' },
    ]);
  });

  test('leave out columns on a narrow terminal', async () => {
    api.answer('listRuns', { status: 200, body: { runs: [listed], next_page_token: null } });
    const { out } = await cli('runs', { terminal: true, columns: 100 });
    expect(out.split('\n')[0]).toBe(
      'run                                                 state        began        took  error',
    );
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test('--watch prints the runs that change, until the person leaves', async () => {
    const leave = new AbortController();
    const running = { ...listed, state: 'running', ended_at: null, error: null };
    api.answer(
      'listRuns',
      { status: 200, body: { runs: [running], next_page_token: null } },
      { status: 200, body: { runs: [listed], next_page_token: null } },
    );
    api.answer('streamEvents', (_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(': \n\n');
      // The list is asked for once the stream is open; only then does the run change.
      const wait = setInterval(() => {
        if (!api.seen.some(({ operation }) => operation === 'listRuns')) return;
        clearInterval(wait);
        res.write('id: 9\nevent: run.state\ndata: {}\n\n');
      }, 5);
    });
    let out = '';
    const ended = await cli('runs --watch --output json', {
      interrupted: () => leave.signal,
      out: (text) => {
        out += text;
        if (out.includes('rolled_back')) leave.abort();
      },
    });
    expect(ended.code).toBe(0);
    const states = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { state: string }).state);
    expect(states).toEqual(['running', 'rolled_back']);
  });

  test.each([
    [succeeded, 0],
    [run({ state: 'running', ended_at: null, allowed: ['cancel'] }), 0],
    [rolledBack, 1],
    [run({ state: 'abandoned' }), 1],
    [stuck, 3],
  ])('a run that is shown makes the exit code by its state (%#)', async (shown, code) => {
    api.answer('getRun', { status: 200, body: shown });
    expect((await cli(`run ${runId}`)).code).toBe(code);
    const ended = await cli(`run ${runId} --output json`);
    expect([ended.code, json(ended)]).toEqual([code, shown]);
  });

  test('--follow with JSON prints each entry as a line, and the end', async () => {
    api.answer('getRun', { status: 200, body: rolledBack });
    api.answer('streamRunEvents', stream(...entries));
    const ended = await cli(`run ${runId} --follow --output json`);
    const lines = ended.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ type }) => type)).toEqual([
      'run.state',
      'attempt.started',
      'attempt.ended',
      'run.state',
      'end',
    ]);
    expect(lines.at(-1)).toEqual({ type: 'end', run_id: runId, state: 'rolled_back' });
    expect(ended.code).toBe(1);
  });

  test('--follow ends with 3 when the run waits for a person, though its stream goes on', async () => {
    api.answer('getRun', { status: 200, body: stuck });
    api.answer('streamRunEvents', (_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const state = {
        seq: 1,
        type: 'run.state',
        at: at(0),
        kind: 'gateway.start',
        state: 'needs_attention',
        stuck: [],
      };
      const entry = { ...state, run_id: runId, organization_id: organization };
      res.write(`id: 1\nevent: run.state\ndata: ${JSON.stringify(entry)}\n\n`);
    });
    const ended = await cli(`run ${runId} --follow`);
    expect(ended.code).toBe(3);
    expect(ended.out).toContain(`gatewright resolve ${runId} dns retry --reason "..."`);
  });

  test('cancelling says how to go on', async () => {
    api.answer('cancelRun', { status: 202, body: { id: runId, state: 'running' } });
    const ended = await cli(`cancel ${runId}`);
    expect(ended.code).toBe(0);
    expect(ended.out).toContain('state      being cancelled\n');
  });
});

describe('attention', () => {
  const item = {
    run_id: runId,
    kind: 'gateway.start',
    organization_id: organization,
    step: 'dns',
    since: at(60_000),
    severity: 'critical',
    why: { code: 'DNS_UNAVAILABLE', message: 'no answer' },
    what_to_do: 'Check PowerDNS and its API. Then retry it; skip it only if it no longer matters.',
    skip_leaves: 'the host name goes on resolving',
    allowed: ['retry', 'skip'],
    resolve: `/runs/${runId}/steps/dns/resolve`,
  };

  test('is listed with what to do, and ends with 3', async () => {
    api.answer('listAttention', { status: 200, body: { items: [item] } });
    const ended = await cli('attention');
    expect(ended).toEqual({
      code: 3,
      err: '',
      out: `\
dns of gateway.start  stuck for 1 min, critical
  run           ${runId}
  organization  ${organization}
  since         2026-11-21 11:59:00 UTC
  why           DNS_UNAVAILABLE  no answer
  do            Check PowerDNS and its API. Then retry it; skip it only if it no longer matters.
  skip leaves   the host name goes on resolving
  retry         gatewright resolve ${runId} dns retry --reason "..."
  skip          gatewright resolve ${runId} dns skip --reason "..."
`,
    });
    const document = await cli('attention --output json');
    expect([document.code, json(document)]).toEqual([3, { items: [item] }]);
  });

  test('is nothing when nothing waits', async () => {
    api.answer('listAttention', { status: 200, body: { items: [] } });
    expect(await cli('attention')).toEqual({ code: 0, err: '', out: 'Nothing waits for a person.\n' });
  });

  test('is resolved with an action and a reason', async () => {
    const resolution = { action: 'skip', by: 'ops (0123456789abcdef)', reason: 'gone', at: at(0) };
    const step = {
      name: 'dns',
      state: 'skipped',
      error: null,
      undo_error: null,
      stuck_since: null,
      resolutions: [resolution],
    };
    const live = {
      id: runId,
      kind: 'gateway.start',
      state: 'rolling_back',
      attention_since: null,
      severity: null,
      error: null,
      steps: [step],
    };
    api.answer('resolveStep', { status: 200, body: live });
    const over = { env: { GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: token } };
    const ended = await runCli(['resolve', runId, 'dns', 'skip', '--reason', 'it is gone'], over);
    expect(ended.code).toBe(0);
    expect(ended.out).toContain('step       dns: skipped\nby         ops (0123456789abcdef)\n');
    expect(api.seen[0]!.body).toEqual({ action: 'skip', reason: 'it is gone' });
    for (const wrong of [
      `resolve ${runId} dns undo --reason x`,
      `resolve ${runId} dns retry`,
      `resolve ${runId} retry`,
    ])
      expect((await cli(wrong)).code).toBe(2);
    expect(api.seen).toHaveLength(1);
  });
});

describe('the command line', () => {
  test.each([
    'frobnicate',
    'start',
    'start not-a-uuid',
    `start ${organization} --frobnicate`,
    'runs --state frobnicated',
    'runs --limit 0',
    'run ../etc/passwd',
    `runs --output yaml`,
    'webhook deliveries 17',
    'token create ops --scope root',
    'token create ops --expires yesterday',
    'token revoke ../x',
    'replay',
    `replay ${runId} --all`,
    'runs --api ftp://example.org',
  ])('is refused with 2 before anything is asked: %s', async (line) => {
    const ended = await cli(line);
    expect(ended.code).toBe(2);
    expect(ended.out).toBe('');
    expect(ended.err).not.toBe('');
    expect(api.seen).toEqual([]);
  });

  test('explains itself with 0', async () => {
    const ended = await cli('runs --help');
    expect(ended.code).toBe(0);
    expect(ended.out).toContain('--needs-attention');
  });
});

describe('the connection', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'gatewright-cli-'));
    mkdirSync(join(home, 'run'));
    writeFileSync(join(home, 'admin-token'), `${token}\n`);
    const record = { apiUrl: api.url, tokenFile: join(home, 'admin-token') };
    writeFileSync(join(home, 'run', 'environment.json'), JSON.stringify(record));
    api.answer('listEdges', { status: 200, body: { edges: [] } });
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const authorization = (): unknown => api.seen.at(-1)!.headers.authorization;

  test('is that of the home', async () => {
    expect(await cli(`edges --home ${home}`, { env: {} })).toEqual({
      code: 0,
      err: '',
      out: 'No edges are registered.\n',
    });
    expect(authorization()).toBe(`Bearer ${token}`);
  });

  test('takes the token from an option, then the environment, then the home', async () => {
    const file = join(home, 'other');
    writeFileSync(file, `0123456789abcdef:${'b'.repeat(64)}\n`);
    const env = { GATEWRIGHT_TOKEN: `gw_cccccccc_${'c'.repeat(64)}`, GATEWRIGHT_TOKEN_FILE: '/nowhere' };
    await cli(`edges --home ${home} --token-file ${file}`, { env });
    // A pair stands alone, without a scheme word.
    expect(authorization()).toBe(`0123456789abcdef:${'b'.repeat(64)}`);
    await cli(`edges --home ${home}`, { env });
    expect(authorization()).toBe(`Bearer ${env.GATEWRIGHT_TOKEN}`);
    await cli(`edges --home ${home}`, { env: { GATEWRIGHT_TOKEN_FILE: file } });
    expect(authorization()).toBe(`0123456789abcdef:${'b'.repeat(64)}`);
  });

  test('never sends the home’s token to another API', async () => {
    const other = await FakeApi.start();
    const ended = await cli(`edges --home ${home} --api ${other.url}`, { env: {} });
    expect(ended.code).toBe(1);
    expect(ended.err).toContain(`No token for ${other.url}`);
    expect(other.seen).toEqual([]);
    await other.close();
  });

  test('that is refused says where and what to do', async () => {
    const { url } = api;
    await api.close();
    const ended = await cli(`edges --home ${home}`, { env: {} });
    expect(ended).toEqual({
      code: 1,
      out: '',
      err: `\
The API does not answer  API_UNREACHABLE
  ${url} refuses the connection.
  try  npm start                      to start the environment
       --api URL --token-file FILE    to name another one
`,
    });
    const document = await cli(`edges --home ${home} --output json`, { env: {} });
    expect(json(document)).toMatchObject({ code: 'API_UNREACHABLE', detail: `${url} refuses the connection.` });
    api = await FakeApi.start();
  });

  test('that nobody has made says how to make one', async () => {
    const ended = await cli(`edges --home ${join(home, 'none')}`, { env: {} });
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('No environment has been started in');
    expect(ended.err).toContain('npm start');
  });
});

describe('a problem', () => {
  test('is told with its title, detail, remedy and what to try', async () => {
    api.answer('startGateway', { status: 503, body: failure(empty), headers: { 'retry-after': '5' } });
    const ended = await cli(`start ${organization}`);
    expect(ended).toEqual({
      code: 1,
      out: '',
      err: `\
No available gateways in pool. Try again later.  POOL_EMPTY
  Wait for a replica to be freed, or add one to the pool.
  run  ${runId}
  try  gatewright pool
       again in 5 seconds
`,
    });
  });

  test('names every part of a request that is wrong', async () => {
    const errors = [{ detail: 'must be 1 to 100 printable characters', pointer: '#/name' }];
    const body = failure({
      code: 'INVALID_INPUT',
      status: 400,
      title: 'The request is not valid',
      detail: 'No.',
      errors,
      details: undefined,
      error: undefined,
      run_id: undefined,
    });
    api.answer('cancelRun', { status: 400, body });
    const ended = await cli(`cancel ${runId}`);
    expect(ended.err).toContain('  #/name  must be 1 to 100 printable characters\n');
  });

  test('that is about the token says which token it was', async () => {
    api.answer('listEdges', {
      status: 401,
      body: failure({ code: 'UNAUTHENTICATED', status: 401, title: 'No valid token', run_id: undefined }),
    });
    expect((await cli('edges')).err).toContain('another token than that of GATEWRIGHT_TOKEN: --token-file FILE');
  });

  test('is told of an address at which something else answers', async () => {
    api.answer('listEdges', (_, res) => void res.writeHead(502).end('<html>Bad Gateway'));
    const ended = await cli('edges');
    expect([ended.code, ended.err]).toEqual([1, expect.stringContaining('This is not the API of Gatewright')]);
    expect(ended.err).toContain(`${api.url} answered 502`);
  });
});

const empty = {
  code: 'POOL_EMPTY',
  status: 503,
  title: 'No available gateways in pool. Try again later.',
  detail: 'Wait for a replica to be freed, or add one to the pool.',
  error: 'No available gateways in pool. Try again later.',
  details: undefined,
};

/** The problem of a start that failed. */
function failure(over: Record<string, unknown>): Record<string, unknown> {
  const body = {
    type: 'https://gatewright.dev/problems/handshake-failed',
    code: 'HANDSHAKE_FAILED',
    status: 500,
    title: 'The gateway did not confirm the allocation',
    detail: 'Look at the gateway’s log; it is quarantined until it announces itself again.',
    instance: 'urn:uuid:0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d',
    error: 'Failed to start gateway',
    details: 'the gateway answered 500',
    run_id: runId,
    ...over,
  };
  return JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
}
