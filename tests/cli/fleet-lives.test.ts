import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetGatewayJson, FleetReplicaJson, SweepReportJson } from '../../cli/fleet-shapes';
import type { Io } from '../../cli/io';
import { Failure } from '../../domain/failures';
import { document, section } from '../docs/documents';
import { ServedFleet } from '../contract/dstack/served';
import { never } from '../fleet/support/fake-hosts';
import { eventually } from '../support/eventually';
import { runCli, type Ended } from './support/run-cli';

/* The command line against an API and a worker on a real Temporal; only the cloud and its machines are in memory. */

jest.setTimeout(60_000);

let fleet: ServedFleet;
const directory = mkdtempSync(join(tmpdir(), 'gatewright-cli-'));
const file = join(directory, 'edge.yaml');

beforeAll(async () => {
  fleet = await ServedFleet.start();
}, 60_000);
afterAll(async () => {
  await fleet.close();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(async () => {
  fleet.world.hosts.onReach = async () => {};
  fleet.world.hosts.onConfigure = async () => {};
  fleet.world.cloud.faults.length = 0;
  for (const { name } of await gateways()) expect((await cli(`gateway delete ${name} -y`)).code).toBe(0);
  expect(fleet.world.cloud.present).toEqual([]);
});

async function cli(line: string, over: Partial<Io> = {}): Promise<Ended> {
  const env = {
    GATEWRIGHT_API: fleet.url,
    GATEWRIGHT_TOKEN: fleet.token,
    GATEWRIGHT_ORGANIZATION: fleet.world.organizationId,
  };
  return await runCli(line.split(' '), { env, now: () => new Date(), ...over });
}

async function json<T>(line: string): Promise<T> {
  return JSON.parse((await cli(`${line} --json`)).out) as T;
}

async function gateways(): Promise<readonly FleetGatewayJson[]> {
  return (await json<{ gateways: FleetGatewayJson[] }>('gateway list')).gateways;
}

/** Writes the configuration that the commands apply. */
function declare(members: Readonly<Record<string, unknown>> = {}): void {
  const all = { type: 'gateway', name: 'edge', backend: 'docker', region: 'local', ...members };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${String(value)}\n`);
  writeFileSync(file, lines.join(''));
}

const answering = (answer: string | undefined): Partial<Io> => ({ ask: () => Promise.resolve(answer) });
const withoutTimes = (text: string): string => text.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/gm, '');

test('a gateway is made as a file says, once the person says yes, and deleted', async () => {
  declare({ replicas: 2 });
  const asked: string[] = [];
  const refused = await cli(`apply -f ${file}`, {
    ask: (question) => Promise.resolve((asked.push(question), 'no')),
  });
  expect(asked).toEqual(['Do it? [y/N] ']);
  expect([refused.code, refused.out]).toEqual([
    1,
    `\
Gateway edge will be made:
  + backend      docker
  + region       local
  + public_ip    yes
  + certificate  lets-encrypt
  + replicas     2
Nothing was done.
`,
  ]);
  expect(await gateways()).toEqual([]);

  const made = await cli(`apply -f ${file}`, answering('y'));
  expect(made).toMatchObject({ code: 0, err: '' });
  const lines = withoutTimes(made.out).split('\n');
  for (const line of [
    'edge    Gateway created. Status: SUBMITTED',
    'edge-0  Gateway replica status changed PROVISIONING -> RUNNING',
    'edge    Gateway status changed PROVISIONING -> RUNNING',
  ])
    expect(lines).toContain(line);
  // Not each of them: a step that is over soon may have ended before it could be drawn.
  expect(lines.some((line) => /^edge-[01] {2}(create|address|connect|configure|health|join)$/.test(line))).toBe(true);
  expect(made.out.endsWith('\n\ngateway  edge\nstate    running\nrunning  2 of 2\n')).toBe(true);

  const listed = await cli('gateway list');
  expect(listed.out).toMatch(/^edge +running +2 of 2 +docker +local +yes +default, as shipped /m);
  const shown = await cli('gateway get edge');
  expect(shown.out).toMatch(/^ReplicasReady +yes .* 2 of 2 replicas run\.$/m);
  expect(shown.out).toMatch(/^edge-1 +running .* 127\.0\.100\.\d+:8190 /m);

  const again = await cli(`apply -f ${file}`);
  expect(again).toEqual({
    code: 0,
    err: '',
    out: 'Gateway edge is as it is wanted.\n\ngateway  edge\nstate    running\nrunning  2 of 2\n',
  });

  const kept = await cli('gateway delete edge', answering(''));
  expect([kept.code, kept.out]).toEqual([1, 'Gateway edge will be deleted with its 2 replicas.\nNothing was done.\n']);
  const deleted = await cli('gateway delete edge', answering('yes'));
  expect(deleted.code).toBe(0);
  expect(withoutTimes(deleted.out)).toContain('edge    Gateway deleted\n');
  expect(deleted.out.endsWith('gateway  edge\nstate    deleted\n')).toBe(true);
  expect((await cli('gateway list')).out).toBe('No gateways. gatewright apply -f FILE makes one.\n');
  expect((await cli('gateway events --limit 1')).out).toMatch(/ edge +Gateway deleted$/m);
});

test('what can change in place is changed so; for the rest it is made anew, when that is said', async () => {
  declare({ replicas: 2 });
  const before = await json<FleetGatewayJson>(`apply -f ${file} -y`);
  expect(before).toMatchObject({ name: 'edge', state: 'running', desired_replicas: 2 });

  declare({ replicas: 1, domain: 'gw.example.com' });
  const changed = await cli(`apply -f ${file} -y`);
  expect(changed.code).toBe(0);
  expect(changed.out).toContain('  ~ domain    none -> gw.example.com\n  ~ replicas  2 -> 1\n');
  expect(await gateways()).toMatchObject([{ id: before.id, wildcard_domain: 'gw.example.com', replicas: [{}] }]);

  declare({ replicas: 1, backend: 'aws', region: 'us-east-1' });
  const plan = await cli(`apply -f ${file} --plan`);
  expect(plan).toMatchObject({
    code: 0,
    out: `\
Gateway edge cannot be changed in place. It will be deleted with its replica and made anew:
  ! backend  docker -> aws  (not in place)
  ! region   local -> us-east-1  (not in place)
  ~ domain   gw.example.com -> none

Nothing was done.
`,
  });
  const refused = await cli(`apply -f ${file} -y`);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('--replace    to have it deleted and made anew');
  expect(await gateways()).toMatchObject([{ id: before.id }]);

  const anew = await json<FleetGatewayJson>(`apply -f ${file} -y --replace`);
  expect(anew).toMatchObject({ state: 'running', configuration: { backend: 'aws', region: 'us-east-1' } });
  expect(anew.id).not.toBe(before.id);
  expect(fleet.world.cloud.present).toHaveLength(1);
});

test('one that cannot be made ends with 1, once its machines are gone, and says why', async () => {
  declare();
  fleet.world.hosts.onConfigure = () => Promise.reject(new Failure('SCRIPT_FAILED', 'script install ended with 7'));
  const ended = await cli(`apply -f ${file} -y`);
  expect(ended.code).toBe(1);
  expect(withoutTimes(ended.out)).toContain('edge-0  configure failed: SCRIPT_FAILED  script install ended with 7\n');
  expect(ended.out).toContain('why      Failed to provision gateway replica\n');
  expect(ended.out).toContain('try      gatewright gateway delete edge, then apply it again\n');
  expect(ended.out).toMatch(/^edge-0 +terminated .* Failed to configure gateway$/m);
  expect(ended.out).toContain('output  gatewright replica logs edge-0\n');
  expect(fleet.world.cloud.present).toEqual([]);

  const logs = await cli('replica logs edge-0');
  expect(logs.code).toBe(1);
  expect(logs.out).toMatch(/^configuring 127\.0\.100\.\d+:8190$/m);
  expect(logs.out).toMatch(/^--- \S+ {2}configure: SCRIPT_FAILED {2}script install ended with 7$/m);

  const again = await cli(`apply -f ${file} -y`);
  expect([again.code, again.out]).toEqual([1, '']);
  expect(again.err).toContain('Gateway edge is in FAILED status and cannot be updated in-place.');
  expect(again.err).toContain('try    gatewright gateway delete edge\n');
});

test('it is scaled, and a replica replaced', async () => {
  declare();
  await cli(`apply -f ${file} -y`);
  expect(await json<FleetGatewayJson>('gateway scale edge 3')).toMatchObject({ state: 'running', desired_replicas: 3 });
  const { replicas } = await json<{ replicas: FleetReplicaJson[] }>('replica list edge');
  expect(replicas.map(({ name, state }) => [name, state])).toEqual([0, 1, 2].map((n) => [`edge-${n}`, 'running']));

  const replaced = await cli('replica replace edge-1');
  expect(replaced.code).toBe(0);
  expect(withoutTimes(replaced.out)).toContain(
    'edge-1  Gateway replica status changed RUNNING -> TERMINATING (Replaced)',
  );
  const after = await json<{ replicas: FleetReplicaJson[] }>('replica list');
  expect(after.replicas).toHaveLength(3);
  expect(after.replicas.map(({ id }) => id)).not.toContain(replicas[1]!.id);
  expect((await cli('replica list --all')).out).toMatch(/^edge-1 +terminated .* Replaced$/m);

  expect((await cli('replica get edge-0')).out).toContain(
    `its making  gatewright run ${replicas[0]!.runs.provision}\n`,
  );
  expect((await cli('replica get edge-7')).err).toContain('Gateway edge has no replica 7');
  expect((await cli('gateway scale edge 1 --no-wait')).out).toContain('follow it  gatewright gateway watch edge\n');
});

test('whoever leaves before the end leaves it alone, and can come back', async () => {
  declare();
  fleet.world.hosts.onReach = never;
  const leave = new AbortController();
  let drawn = '';
  const ended = await cli(`apply -f ${file} -y`, {
    ...{ terminal: true, columns: 90, rows: 24, interrupted: () => leave.signal },
    out(text) {
      drawn += text;
      // In the second drawing of it, which is the first that goes over one of as many lines.
      if (text.includes('\u001b[4A') && /edge-0 +provisioning +connect/.test(text)) leave.abort();
    },
  });
  expect(ended.code).toBe(130);
  expect(ended.err).toContain('Not followed any longer; it goes on');
  expect(ended.err).toContain('gatewright gateway watch edge\n');
  // Each drawing goes over the one before.
  expect(drawn).toContain('\u001b[4A');
  expect(await gateways()).toMatchObject([{ state: 'provisioning' }]);

  let told = '';
  const watching = cli('gateway watch edge --json', { out: (text) => void (told += text) });
  // The replica's workflow is in the middle of a connect that hangs.
  expect((await cli('gateway delete edge -y --no-wait')).out).toContain('state      provisioning, being deleted\n');
  expect((await watching).code).toBe(0);
  const lines = told
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { message?: string });
  expect(lines.map(({ message }) => message)).toContain('Gateway deleted');
  expect(lines.at(-1)).toEqual({ type: 'end', state: 'deleted' });
});

test('a machine that cannot be destroyed waits for a person, and the command says so', async () => {
  declare();
  await cli(`apply -f ${file} -y`);
  const { terminate } = fleet.world.cloud;
  fleet.world.cloud.terminate = () => Promise.reject(new Failure('CLOUD_AUTH', 'the key was revoked'));
  const ended = await cli('gateway delete edge -y');
  fleet.world.cloud.terminate = terminate;
  expect(ended.code).toBe(3);
  expect(ended.out).toMatch(/^needs attention +destroy of retire-[0-9a-f-]+$/m);
  expect(ended.out).toMatch(/^try +gatewright attention$/m);
  const run = /destroy of (retire-[0-9a-f-]+)/.exec(ended.out)![1]!;
  const env = { GATEWRIGHT_API: fleet.url, GATEWRIGHT_TOKEN: fleet.token };
  const resolved = await runCli(['resolve', run, 'destroy', 'retry', '--reason', 'the key is back'], { env });
  expect(resolved.code).toBe(0);
  await eventually(async () => expect(await gateways()).toEqual([]));
});

test('another revision of the profile is rolled out, and taken back by a person or by the first that fails', async () => {
  const push = async (greeting: string): Promise<void> => {
    const health = '{ kind: http, port: 80, path: /, expect: { status: 200 } }';
    const files = `[{ path: motd, mode: "0644", content: ${greeting} }]`;
    writeFileSync(
      join(directory, 'profile.yaml'),
      `name: web\nvalues: {}\nfiles: ${files}\nscripts: []\nhealth: ${health}\n`,
    );
    expect((await cli(`profile push ${directory}`)).code).toBe(0);
  };
  const { hosts } = fleet.world;
  await push('one');
  declare({ replicas: 2, profile: 'web' });
  expect((await cli(`apply -f ${file} -y`)).code).toBe(0);

  await push('two');
  const rolled = await cli(`apply -f ${file} -y`);
  expect(rolled).toMatchObject({ code: 0, err: '' });
  expect(rolled.out).toContain('  ~ profile  web, revision 1 -> web, revision 2\n');
  expect(withoutTimes(rolled.out)).toContain('edge-1  Gateway replica configured with profile web:2\n');
  const run = /^take it back +gatewright cancel (rollout-\S+)$/m.exec(rolled.out)![1]!;
  expect((await cli('gateway get edge')).out).toContain(`from web, revision 1: gatewright run ${run}\n`);

  expect((await cli(`cancel ${run}`)).code).toBe(0);
  await eventually(async () => {
    const [gateway] = await gateways();
    expect(gateway).toMatchObject({ profile: { revision: 1 }, rollout: null });
    expect(gateway!.replicas.map(({ applied_profile: has }) => has?.revision)).toEqual([1, 1]);
  });

  hosts.onGive = ({ revision }) =>
    revision === 2
      ? Promise.reject(new Failure('SCRIPT_FAILED', 'script install ended with 7:\nno'))
      : Promise.resolve();
  const failed = await cli(`apply -f ${file} -y`);
  hosts.onGive = async () => {};
  expect(failed.code).toBe(1);
  expect(withoutTimes(failed.out)).toMatch(
    /^edge-0 {2}profile failed: SCRIPT_FAILED {2}script install ended with 7:\n {22}\| no\n/m,
  );
  expect(failed.out).toMatch(/^profile +web, revision 2 was taken back; it has web, revision 1$/m);
  expect(failed.out).toMatch(/^why +gatewright run rollout-\S+$/m);
  expect(await gateways()).toMatchObject([{ state: 'running', profile: { revision: 1 } }]);
});

test('the commands of the README do what it says', async () => {
  const [, code] = /```sh\n([\s\S]*?)```/.exec(section(document('README.md'), '## Gateways and replicas'))!;
  const [, name, text] = /cat > (\S+) <<'EOF'\n([\s\S]*?)EOF\n/.exec(code!)!;
  writeFileSync(join(directory, name!), text!);
  const lines = [...code!.matchAll(/^npx gatewright ([^#\n]*)/gm)].map((match) => match[1]!.trim());
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) {
    const ended = await cli(line.replace(name!, join(directory, name!)), answering('y'));
    expect({ line, ...ended }).toMatchObject({ line, code: 0, err: '' });
  }
  expect(await gateways()).toEqual([]);
});

test('a sweep says what it would do, and does it', async () => {
  const { cloud, store } = fleet.world;
  const owner = await store.fleet.installation('asked before');
  const ids = { organizationId: fleet.world.organizationId, gatewayId: 'gone', replicaId: 'gone', token: 'nobody’s' };
  const orphan = await cloud.create({ tags: { owner, ...ids }, region: 'local' } as never);
  const dry = await cli('sweep --dry-run');
  expect(dry).toMatchObject({ code: 0, err: '' });
  expect(dry.out).toContain('would be destroyed:\nmachine');
  expect(dry.out).toContain('  no replica has its token');
  expect(dry.out).toMatch(/\nNothing was done\.\n$/);
  expect(cloud.present).toHaveLength(1);
  const swept = await json<SweepReportJson>('sweep');
  expect(swept.orphans.map(({ instance_id }) => instance_id)).toContain(orphan.instanceId);
  expect(cloud.present).toEqual([]);
  expect((await cli('sweep')).out).toBe(
    'Nothing is left over: every machine has its replica, and every replica its machine.\n',
  );
});
