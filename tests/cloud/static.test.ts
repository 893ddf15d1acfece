import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { network } from '../../domain/address';
import { Failure } from '../../domain/failures';
import { machineToken, MachineState, type MachineSpec, type MachineTags } from '../../domain/fleet/machine';
import { parseInventory, type InventoryHost } from '../../drivers/cloud/static/inventory';
import { StaticCloud } from '../../drivers/cloud/static/static';
import { freePort } from '../../environment/ports';
import type { Component } from '../../environment/process';
import { inventoryOf, startSshHost, type SshHostOptions } from '../../environment/ssh-hosts';
import { cloudContract, type CloudUnderTest } from './contract';
import { MemoryLeases } from './memory-leases';
import { keyPair } from './ssh-login';

/** Leases whose answer to a take can be lost after it was kept. */
class LossyLeases extends MemoryLeases {
  loses: 'no' | 'next' | 'lost' = 'no';

  override async take(hosts: readonly string[], tags: MachineTags) {
    const lease = await super.take(hosts, tags);
    if (this.loses !== 'next') return lease;
    this.loses = 'lost';
    throw new Failure('CLOUD_OUTCOME_UNKNOWN', 'the connection broke');
  }
}

cloudContract('static hosts, each a real sshd', makeStatic, 'pinned');

async function makeStatic(): Promise<CloudUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-static-'));
  const clientKey = keyPair();
  const hosts: SshHostOptions[] = [];
  for (let number = 1; number <= 4; number++) {
    const [name, ip] = [`host-${number}`, `127.0.3.${number}`];
    const port = await freePort(ip);
    const logFile = join(directory, `${name}.log`);
    hosts.push({ name, directory: join(directory, name), ip, port, authorizedKey: clientKey.publicKey, logFile });
  }
  const running: Component[] = await Promise.all(hosts.map(async (host) => await startSshHost(host)));
  const leases = new LossyLeases();
  const inventory = parseInventory(inventoryOf(hosts, 'rack'), [network('127.0.3.0/24')]);
  return {
    cloud: new StaticCloud(inventory, leases),
    region: 'rack',
    refused: { region: { region: 'elsewhere' }, type: { instanceType: 'huge' } },
    loseCreateAnswer: () => (leases.loses = 'next'),
    answerWasLost: () => leases.loses === 'lost',
    clientKey,
    bootMs: 10_000,
    close: async () => {
      await Promise.all(running.map(async (component) => await component.stop()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

describe('hosts that are leased', () => {
  const host = (name: string, over: Partial<InventoryHost> = {}): InventoryHost => ({
    ...{ name, host: '192.0.2.1', port: 22, user: 'gw', serves: '192.0.2.1', region: 'rack', labels: {} },
    ...{ hostKey: `SHA256:${'A'.repeat(43)}` },
    ...over,
  });
  const spec = (over: Partial<MachineSpec> = {}): MachineSpec => {
    const replicaId = randomUUID();
    const tags = { organizationId: 'o', gatewayId: 'g', replicaId, token: machineToken(replicaId) };
    return {
      ...{ tags: { owner: 'me', ...tags }, name: 'n', region: 'rack', publicIp: false, userTags: {} },
      ...{ hostKey: keyPair(), authorizedKey: '' },
      ...over,
    };
  };

  test('no two workers get one host, and the last ones are told that none is left', async () => {
    const leases = new MemoryLeases();
    const inventory = Array.from({ length: 5 }, (_, index) => host(`h${index}`));
    const workers = [new StaticCloud(inventory, leases), new StaticCloud(inventory, leases)];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, index) => await workers[index % 2]!.create(spec())),
    );
    const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.instanceId] : []));
    expect(new Set(made.map((id) => id.split('/')[0])).size).toBe(5);
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(refused.map(({ code }) => code)).toEqual(['CLOUD_CAPACITY', 'CLOUD_CAPACITY', 'CLOUD_CAPACITY']);
  });

  test('ending an old lease late leaves the next one alone', async () => {
    const cloud = new StaticCloud([host('only')], new MemoryLeases());
    const old = await cloud.create(spec());
    await cloud.terminate('me', old.instanceId);
    const next = await cloud.create(spec());
    await cloud.terminate('me', old.instanceId);
    expect(await cloud.get(old.instanceId)).toBeNull();
    expect(await cloud.get(next.instanceId)).toMatchObject({ state: MachineState.running });
  });

  test('a host that left the inventory can still be ended, and no longer be reached', async () => {
    const leases = new MemoryLeases();
    const { instanceId } = await new StaticCloud([host('a')], leases).create(spec());
    const later = new StaticCloud([host('b')], leases);
    expect(await later.get(instanceId)).toMatchObject({ state: MachineState.stopping, ssh: null, serves: null });
    await later.terminate('me', instanceId);
    expect(await later.list('me')).toEqual([]);
  });

  test('an instance type is the label of the hosts that may be taken', async () => {
    const inventory = [host('small'), host('big', { labels: { 'instance-type': 'large' } })];
    const cloud = new StaticCloud(inventory, new MemoryLeases());
    const { instanceId } = await cloud.create(spec({ instanceType: 'large' }));
    expect(instanceId).toMatch(/^big\//);
    await expect(cloud.create(spec({ instanceType: 'large' }))).rejects.toMatchObject({ code: 'CLOUD_CAPACITY' });
  });
});
