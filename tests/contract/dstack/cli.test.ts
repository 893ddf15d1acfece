import { randomUUID } from 'node:crypto';
import { dstackVersions } from '../../../environment/dstack-cli';
import { Failure } from '../../../domain/failures';
import { shippedProfile } from '../../../domain/fleet/gateway';
import { reconcile } from '../../api/support/fleet';
import { eventually } from '../../support/eventually';
import { DstackCli, type CliResult } from './command-line';
import { droppingProxy } from './dropping-proxy';
import { ServedFleet } from './served';

jest.setTimeout(60_000);

const base = { type: 'gateway', name: 'edge', backend: 'aws', region: 'eu-west-1', domain: 'example.com' };
let fleet: ServedFleet;

beforeAll(async () => {
  fleet = await ServedFleet.start();
}, 60_000);
afterAll(() => fleet.close());

describe.each(dstackVersions)('the command line of dstack %s', (version) => {
  const organization = randomUUID();
  let cli: DstackCli;

  beforeAll(async () => {
    cli = await DstackCli.load(version);
    await addProject(fleet.url);
  });
  afterAll(() => cli.close());

  /** Has the command line speak to an API at an address from now on. */
  async function addProject(url: string, name = organization): Promise<void> {
    await succeed('project', 'add', '--name', name, '--url', url, '--token', fleet.token, '-y');
  }

  /** Runs a command that must end with 0. @returns what it printed. */
  async function succeed(...args: string[]): Promise<string> {
    const result = await cli.run(...args);
    if (result.code !== 0) throw new Error(`${args.join(' ')}: ${result.code}\n${result.output}`);
    return result.output;
  }

  function apply(changes: object = {}, ...more: string[]): Promise<CliResult> {
    return cli.run('apply', '-f', cli.file('gw.dstack.yml', { ...base, ...changes }), '-y', ...more);
  }

  const stored = (name = 'edge') => fleet.store.fleet.gateways.named(organization, name);

  /** Fails unless a command ended with 1 and showed a message, and no traceback. */
  function expectRefused({ code, output }: CliResult, message: string): void {
    expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(message) });
    expect(output).not.toMatch(/Traceback|Unexpected error|validation error/);
  }

  test('lists no gateways, then makes one and waits until it runs', async () => {
    expect(await succeed('gateway', 'list')).toMatch(/NAME +BACKEND/);
    const { code, output } = await apply();
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('edge') });
    expect(output).toMatch(/edge +aws \(eu-west-1\) +127\.0\.\d+\.\d+ +example\.com +✓ +running/);
    expect(await stored()).toMatchObject({ state: 'running', isDefault: true });
    expect(await succeed('gateway', 'list')).toMatch(/edge +aws \(eu-west-1\) +127\.0\.\d+\.\d+/);
  });

  test('finds nothing to change in the same file', async () => {
    const before = await stored();
    const { code, output } = await apply();
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('No configuration changes detected') });
    expect(await stored()).toEqual(before);
  });

  test('changes domain and replicas in place', async () => {
    const before = (await stored())!;
    const { code, output } = await apply({ domain: 'example.org', replicas: 2 });
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('can be updated in-place') });
    expect(await stored()).toMatchObject({ id: before.id, desiredReplicas: 2, wildcardDomain: 'example.org' });
    const again = await apply({ domain: 'example.org', replicas: 2 });
    expect(again.output).toContain('No configuration changes detected');
  });

  test('shows why it is refused', async () => {
    expectRefused(
      await apply({ name: 'wide', replicas: 10 }),
      'Cannot provision 10 gateway replicas. This server allows at most 9',
    );
    expectRefused(await apply({ name: 'Edge; reboot' }), 'name must be 2 to 41 lower-case letters');
    expectRefused(await apply({ name: 'wide', region: 'mars-1' }), 'Backend aws has no region mars-1');
    expectRefused(await apply({ name: 'wide', domain: '-.example' }), 'domain must be a domain');
    expectRefused(await apply({ name: 'wide', tags: { 'gatewright-owner': 'me' } }), 'tags have keys of letters');
    expect(await stored('wide')).toBeNull();
    expectRefused(await cli.run('gateway', 'get', 'none', '--json'), 'Resource not found');
  });

  test('makes a gateway anew where it cannot be changed in place', async () => {
    const before = (await stored())!;
    const { code, output } = await apply({ region: 'us-east-1' });
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('cannot be updated in-place') });
    const after = (await stored())!;
    expect(after).toMatchObject({ state: 'running', configuration: { region: 'us-east-1' } });
    expect(after.id).not.toBe(before.id);
  });

  test('shows hosts of ours that are in no cloud as ssh, and sets a default', async () => {
    const local = { ...base, name: 'inner', backend: 'remote', region: 'local' };
    await succeed('apply', '-f', cli.file('local.dstack.yml', local), '-y');
    expect((await stored('inner'))!.configuration.backend).toBe('docker');
    expect(await succeed('gateway', 'list')).toMatch(/inner +ssh \(local\)/);
    expect(await succeed('apply', '-f', 'local.dstack.yml', '-y')).toContain('No configuration changes detected');
    expect((await stored('inner'))!.isDefault).toBe(false);
    await succeed('gateway', 'update', 'inner', '--set-default', '--domain', 'inner.example.com');
    expect(await stored('inner')).toMatchObject({ isDefault: true, wildcardDomain: 'inner.example.com' });
    const { gateways } = JSON.parse(await succeed('gateway', 'list', '--json')) as { gateways: { name: string }[] };
    expect(gateways).toEqual([
      expect.objectContaining({ name: 'edge', default: false }),
      expect.objectContaining({ name: 'inner', default: true, wildcard_domain: 'inner.example.com' }),
    ]);
  });

  test('survives that answers are lost: one gateway, no error', async () => {
    const proxy = await droppingProxy(fleet.url, ['/apply', '/delete']);
    await addProject(proxy.url);
    await succeed('apply', '-f', cli.file('lost.dstack.yml', { ...base, name: 'lost' }), '-y');
    expect(proxy.dropped).toBe(1);
    const created = await fleet.store.fleet.events.page({
      organizationId: organization,
      within: [(await stored('lost'))!.id],
      limit: 100,
    });
    expect(created.filter(({ message }) => message.startsWith('Gateway created'))).toHaveLength(1);
    await succeed('gateway', 'delete', 'lost', '-y');
    expect(proxy.dropped).toBe(2);
    await proxy.close();
    await addProject(fleet.url);
  });

  test('says why a gateway failed, and that it must be deleted', async () => {
    fleet.world.cloud.faults.push({
      ...{ call: 'create', when: 'before' },
      error: new Failure('CLOUD_SPEC_REFUSED', 'no such image'),
    });
    const doomed = { ...base, name: 'doomed' };
    const file = cli.file('doomed.dstack.yml', doomed);
    const { code, output } = await cli.run('apply', '-f', file, '-y');
    expect({ code, output }).toEqual({
      code: 1,
      output: expect.stringContaining('Failed to provision gateway replica'),
    });
    expectRefused(await cli.run('apply', '-f', file, '-y'), 'is in FAILED status and cannot be updated in-place.');
  });

  test('reads events', async () => {
    const all = await succeed('event');
    expect(all).toMatch(/\[gateway edge\] Gateway created\. Status: SUBMITTED/);
    expect(all).toMatch(/\[.*admin \w+\] \[gateway inner.*\] Gateway set as project default/);
    const some = await succeed('event', '--target-gateway', 'inner');
    expect(some).toContain('Gateway status changed PROVISIONING -> RUNNING');
    expect(some).not.toContain('replica');
    expect(some).not.toContain('edge');
    const replica = '[gateway-replica inner-0] Gateway replica status changed PROVISIONING -> RUNNING';
    expect(await succeed('event', '--since', '1h')).toContain(replica);
    const replicas = await cli.run('event', '--include-target-type', 'gateway-replica');
    // The older release does not know the type and refuses it itself.
    if (version === '0.20.28') return expect(replicas.output).toContain('invalid EventTargetType value');
    expect(replicas).toEqual({ code: 0, output: expect.stringContaining(replica) });
    expect(replicas.output).not.toContain('Gateway created');
  });

  test('shows what machines and backends say as text, whatever they say', async () => {
    const aside = randomUUID();
    const configuration = { ...(await stored('inner'))!.configuration, default: false };
    const { id } = await fleet.store.fleet.gateways.create({
      ...{ id: randomUUID(), organizationId: aside, configuration, profile: shippedProfile, actor: null },
    });
    const [replica] = await reconcile(fleet.store, (await fleet.store.fleet.gateways.get(aside, id))!);
    await fleet.store.fleet.replicas.move(aside, replica!.id, 'provision');
    const statusMessage = 'ill [/x] [red]\\[/red] \u001b[2J\n[forged] \u202eline';
    await fleet.store.fleet.replicas.move(aside, replica!.id, 'retire', { statusMessage });
    const shown = 'ill [/x] [red]\\[/red] \\x1b[2J\\x0a[forged] \\u{202e}line';
    await addProject(fleet.url, aside);
    expect(await succeed('gateway', 'list', '-v')).toContain(shown);
    expect(await succeed('event')).toContain(`PROVISIONING -> TERMINATING (${shown})`);
    await addProject(fleet.url);
  });

  test('deletes', async () => {
    await succeed('gateway', 'delete', 'edge', '-y');
    await succeed('delete', '-f', 'local.dstack.yml', '-y');
    await succeed('gateway', 'delete', 'doomed', '-y');
    await eventually(async () => expect(await fleet.store.fleet.gateways.list(organization)).toEqual([]));
    expect(fleet.world.cloud.present).toEqual([]);
    expect(await succeed('gateway', 'list')).not.toContain('edge');
  });

  test('tells a wrong token and another’s project apart', async () => {
    const stranger = await fleet.tokenFor(randomUUID());
    const add = (token: string) =>
      cli.run('project', 'add', '--name', organization, '--url', fleet.url, '--token', token, '-y');
    const wrong = await add(`gw_${'0'.repeat(16)}_${'a'.repeat(64)}`);
    expect(wrong).toEqual({ code: 1, output: expect.stringContaining('Please check your access token') });
    const others = await add(stranger);
    expect(others).toEqual({ code: 1, output: expect.stringContaining('Status code 404') });
  });
});
