import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Way } from '../../activities/fleet/hosts';
import { MachineHosts, type HostsOptions } from '../../worker/hosts';
import { startTestHost, type TestHost } from './fixture';
import { SilentProxy } from './silent-proxy';
import { expectFailure } from './support';

/* How a worker finds out whether a machine can be reached. */

let host: TestHost;
let proxy: SilentProxy;
const hosts = new MachineHosts({ networks: [], agentPort: 1, apiUrl: '' } as Partial<HostsOptions> as HostsOptions);
beforeAll(async () => {
  host = await startTestHost(9);
  proxy = await SilentProxy.open(host.target, host.target.host);
});
afterAll(async () => {
  proxy.close();
  await hosts.close();
  await host.stop();
});

function way(): Way {
  const { host: ip, user, privateKey } = host.target;
  const hostPublicKey = readFileSync(join(host.directory, 'host_ed25519.pub'), 'utf8').trim();
  return { ssh: { host: ip, port: proxy.port, user }, hostPublicKey, privateKey, serves: `${ip}:1` };
}

test('a machine that says nothing is given up in time, or when nobody wants it any more, and reached later', async () => {
  proxy.fallSilent();
  const { signal } = new AbortController();
  const failure = await expectFailure(hosts.reach(way(), 300, signal), 'SSH_UNREACHABLE');
  expect([failure.retryable, failure.message]).toEqual([true, expect.stringContaining('no login within 300 ms')]);
  const leaving = new AbortController();
  const reaching = hosts.reach(way(), 60_000, leaving.signal);
  leaving.abort(new Error('it is to go'));
  await expect(reaching).rejects.toThrow('it is to go');
  proxy.mend();
  await hosts.reach(way(), 10_000, signal);
});

test('one that shows another host key is not reached', async () => {
  const other = `ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b', 'hex'), Buffer.from('ssh-ed25519'), Buffer.from('00000020', 'hex'), Buffer.alloc(32, 7)]).toString('base64')}`;
  await expectFailure(
    hosts.reach({ ...way(), hostPublicKey: other }, 10_000, new AbortController().signal),
    'SSH_HOST_KEY',
  );
});
