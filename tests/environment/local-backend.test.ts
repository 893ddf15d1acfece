import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { network } from '../../domain/address';
import { machineToken, MachineState, type MachineSpec } from '../../domain/fleet/machine';
import type { Cloud } from '../../drivers/cloud/cloud';
import { DockerCloud } from '../../drivers/cloud/docker/docker';
import { readDockerSettings } from '../../drivers/cloud/docker/settings';
import { parseInventory } from '../../drivers/cloud/static/inventory';
import { StaticCloud } from '../../drivers/cloud/static/static';
import { Home } from '../../environment/home';
import { startLocalBackend, type LocalBackend } from '../../environment/local-backend';
import { ProcessRecord } from '../../environment/process-record';
import { Supervisor } from '../../environment/supervisor';
import { MemoryLeases } from '../cloud/memory-leases';
import { keyPair, tryLogin } from '../cloud/ssh-login';
import { eventually } from '../support/eventually';

const client = keyPair();
let directory: string;
let supervisor: Supervisor;

beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gw-backend-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function start(engine: 'podman' | undefined): Promise<LocalBackend> {
  const home = Home.open(directory);
  const record = new ProcessRecord(home.path('run', 'processes.json'));
  supervisor = new Supervisor({ record, say: () => undefined, restarts: true });
  const rest = { owner: 'me', authorizedKey: client.publicKey, hosts: 2, say: () => undefined };
  return await startLocalBackend({ home, supervisor, engine, ...rest });
}

function spec(): MachineSpec {
  const replicaId = randomUUID();
  const tags = { owner: 'me', organizationId: 'o', gatewayId: 'g', replicaId, token: machineToken(replicaId) };
  const rest = { name: 'n', region: 'local', publicIp: false, userTags: {}, authorizedKey: client.publicKey };
  return { ...rest, tags, hostKey: keyPair() };
}

test('containers outlive the service of the engine, and end with the environment', async () => {
  const backend = await start('podman');
  const cloud: Cloud = new DockerCloud(readDockerSettings(backend.settings.options));
  const wanted = spec();
  const { instanceId, ssh } = await cloud.create(wanted);
  await supervisor.kill9('podman');
  await expect(cloud.list('me')).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE' });
  await eventually(async () => expect(await cloud.get(instanceId)).toMatchObject({ state: MachineState.running }));
  const keys = { client, host: wanted.hostKey.publicKey };
  expect(await tryLogin(ssh!, keys)).toEqual({ in: true, said: 'root' });
  // A start that was killed ends nothing; the next one goes on with what is there.
  await supervisor.stop(supervisor.names);
  const next = await start('podman');
  expect(await cloud.list('me')).toMatchObject([{ instanceId, state: MachineState.running }]);
  expect(await tryLogin(ssh!, keys)).toEqual({ in: true, said: 'root' });
  await supervisor.stop(supervisor.names);
  await next.stop();
  expect((await tryLogin(ssh!, keys)).in).toBe(false);
  // The home is gone on with: nothing of the machine is left in it.
  const again = await start('podman');
  expect(await new DockerCloud(readDockerSettings(again.settings.options)).list('me')).toEqual([]);
  await supervisor.stop(supervisor.names);
  await again.stop();
}, 300_000);

test('without an engine, machines are local hosts that can be logged in to', async () => {
  const backend = await start(undefined);
  const { inventory } = backend.settings.options as { inventory: string };
  const hosts = parseInventory(readFileSync(inventory, 'utf8'), backend.networks.map(network), inventory);
  const cloud = new StaticCloud(hosts, new MemoryLeases());
  const machines = [await cloud.create(spec()), await cloud.create(spec())];
  for (const { ssh, hostKeyFingerprint } of machines) {
    const login = await tryLogin(ssh!, { client, host: hostKeyFingerprint! }, 'echo $GW_ROOT');
    expect(login).toMatchObject({ in: true, said: expect.stringContaining(directory) });
  }
  await expect(cloud.create(spec())).rejects.toMatchObject({ code: 'CLOUD_CAPACITY' });
  await supervisor.stop(supervisor.names);
  await backend.stop();
  const [{ ssh, hostKeyFingerprint }] = machines as [(typeof machines)[number]];
  await expect(tryLogin(ssh!, { client, host: hostKeyFingerprint! })).resolves.toMatchObject({ in: false });
  // A replica that has one finds it where it was, and with the key that it had.
  const again = await start(undefined);
  await expect(tryLogin(ssh!, { client, host: hostKeyFingerprint! })).resolves.toMatchObject({ in: true });
  await supervisor.stop(supervisor.names);
  await again.stop();
}, 60_000);
