import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../environment/ports';
import type { Component } from '../../environment/process';
import { startSshHost } from '../../environment/ssh-hosts';
import type { Machine, MachineSpec } from '../../domain/fleet/machine';
import { provisionRunId } from '../../domain/fleet/contract';
import { MachineHosts } from '../../worker/hosts';
import { eventually } from '../support/eventually';
import { FleetWorld } from './support/world';

/* Machines with a real sshd each, made by the real workflows: the one that was asked for, and another in its place. */

jest.setTimeout(60_000);

const ip = '127.0.3.60';
let world: FleetWorld;
let directory: string;
let port: number;
const started: Component[] = [];
/** Whether whoever answers at a machine's address has another host key than the one that the machine was given. */
let swapped = false;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gatewright-host-key-'));
  port = await freePort(ip);
  world = await FleetWorld.start();
  const { cloud, hosts } = world;
  const create = cloud.create.bind(cloud);
  cloud.create = async (spec) => {
    const machine = { ...(await create(spec)), ssh: await startMachine(spec) };
    cloud.machines.set(machine.instanceId, machine);
    return machine;
  };
  // Only the way there is real; the other steps are not of interest.
  const real = new MachineHosts({} as never);
  hosts.reach = (way, timeoutMs, signal) => real.reach(way, timeoutMs, signal);
  await world.startWorker();
}, 60_000);
afterEach(async () => {
  for (const gateway of await world.store.fleet.gateways.list(world.organizationId)) await world.remove(gateway);
  await eventually(async () => expect(await world.store.fleet.gateways.list(world.organizationId)).toEqual([]), 30_000);
  for (const sshd of started.splice(0)) await sshd.kill();
});
afterAll(async () => {
  await world.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Boots what answers at a machine's address. */
async function startMachine({ hostKey, authorizedKey, tags }: MachineSpec): Promise<Machine['ssh']> {
  const own = join(directory, tags.replicaId);
  mkdirSync(own, { recursive: true });
  if (!swapped) {
    writeFileSync(join(own, 'host_ed25519'), hostKey.privateKey, { mode: 0o600 });
    writeFileSync(join(own, 'host_ed25519.pub'), hostKey.publicKey);
  }
  const options = { name: tags.replicaId, directory: own, ip, port, authorizedKey, logFile: join(own, 'sshd.log') };
  started.push(await startSshHost(options));
  return { host: ip, port, user: userInfo().username };
}

test('a machine with the host key that it was given is taken', async () => {
  swapped = false;
  const gateway = await world.create();
  await eventually(async () => expect(await world.gateway(gateway)).toMatchObject({ state: 'running' }));
});

test('another host key in its place fails the replica at once, destroys the machine and is told', async () => {
  swapped = true;
  const configured = world.hosts.configured.length;
  const gateway = await world.create();
  await eventually(async () => expect(await world.gateway(gateway)).toMatchObject({ state: 'failed' }));
  await eventually(async () => expect(await world.replicas(gateway)).toMatchObject([{ state: 'terminated' }]));
  const message = expect.stringContaining('identifies itself with another host key than the pinned one') as string;
  const [replica] = await world.replicas(gateway);
  // Tried once: trying again would only give whoever is in between another chance.
  expect(replica).toMatchObject({ statusMessage: message, connectAttempts: 1 });
  expect(world.cloud.present).toEqual([]);
  expect(world.hosts.configured).toHaveLength(configured);
  expect(await world.store.pool.replicas()).toEqual([]);
  expect(await world.messages(gateway)).toContainEqual(
    expect.stringMatching(/^Gateway replica status changed PROVISIONING -> TERMINATING \(.*another host key/),
  );
  expect(await world.store.journal.run(provisionRunId(replica!.id))).toMatchObject({
    state: 'rolled_back',
    error: { code: 'SSH_HOST_KEY' },
  });
});
