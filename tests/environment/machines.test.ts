import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDescription } from '../../environment/description';
import { Home } from '../../environment/home';
import { ensureIdentities } from '../../environment/identities';
import type { LocalBackend } from '../../environment/local-backend';
import { startMachines } from '../../environment/machines';
import { ProcessRecord } from '../../environment/process-record';
import { Supervisor } from '../../environment/supervisor';

let directory: string;
let supervisor: Supervisor;
const said: string[] = [];
const environment = { ...process.env };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gw-machines-'));
  said.length = 0;
  delete process.env['DOCKER_HOST'];
});
afterEach(() => {
  process.env = { ...environment };
  rmSync(directory, { recursive: true, force: true });
});

async function start(machines: 'auto' | 'hosts' | 'none'): Promise<LocalBackend | undefined> {
  const home = Home.open(join(directory, 'home'));
  const say = (text: string): void => void said.push(text);
  const record = new ProcessRecord(home.path('run', 'processes.json'));
  supervisor = new Supervisor({ record, say, restarts: true });
  const description = readDescription();
  return await startMachines({
    ...{ home, supervisor, say, identities: ensureIdentities(home, 0), installation: Promise.resolve('me') },
    description: { ...description, fleet: { ...description.fleet, machines, hosts: 1 } },
  });
}

/** Puts a podman of ours before the real one. */
function podmanThat(script: string): void {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'podman'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'podman'), 0o755);
  process.env['PATH'] = `${bin}:${process.env['PATH']}`;
}

test.each([
  ['does not come up', 'echo no such luck >&2; exit 3', /podman exited with code 3/],
  [
    'comes up and cannot run a container',
    'exec /usr/bin/podman $(echo "$@" | sed "s|--runtime runc|--runtime /bin/false|")',
    /the container engine does not run a container/,
  ],
])(
  'where podman %s, machines are local hosts, and it is said why',
  async (_, script, why) => {
    podmanThat(script);
    const backend = await start('auto');
    expect(backend!.settings.backend).toBe('static');
    expect(said).toEqual([
      expect.stringMatching(/^no containers can be run here: /),
      expect.stringMatching(/^machines: 1 local/),
    ]);
    expect(said[0]).toMatch(why);
    expect(supervisor.names).toEqual(['host-1']);
    await supervisor.stop(supervisor.names);
    await backend!.stop();
  },
  60_000,
);

test('local hosts are had where they are asked for, and no machines where none are', async () => {
  const backend = await start('hosts');
  expect(backend!.settings.backend).toBe('static');
  await supervisor.stop(supervisor.names);
  await backend!.stop();
  expect(await start('none')).toBeUndefined();
}, 60_000);
