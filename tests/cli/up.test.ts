import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { demoOrganization } from '../../cli/demo';
import { readDescription, withAutoPorts } from '../../environment/description';
import { scriptCommand } from '../../environment/script';
import { openStore } from '../../prisma/open';
import { linkedData, removeHome } from '../support/home-data';

/* `gatewright up --once`, as a person types it: everything comes up, is proven, and ends. */

jest.setTimeout(240_000);

const directory = mkdtempSync(join(tmpdir(), 'gw-up-'));
afterAll(() => {
  removeHome(join(directory, 'home'));
  rmSync(directory, { recursive: true, force: true });
});

/** What `--json` prints, as far as it is looked at here. */
interface Summary {
  readonly agents: readonly { readonly id: string; readonly address: string }[];
  readonly edges: readonly { readonly name: string }[];
  readonly pids: Readonly<Record<string, number>>;
}

/** How it is called, on ports of its own. */
function called(...flags: string[]): readonly [command: string, args: string[]] {
  const config = join(directory, 'config.yaml');
  const description = withAutoPorts(readDescription());
  writeFileSync(config, stringify({ ...description, agents: { ...description.agents, count: 1 } }));
  const { command, args } = scriptCommand('cli/main');
  return [command, [...args, 'up', ...flags, '--home', join(directory, 'home'), '--config', config]];
}

/** Runs it to its end. @throws Error with what it said unless it ends with 0. */
async function up(): Promise<{ summary: Summary; said: string }> {
  const { stdout, stderr } = await promisify(execFile)(...called('--once', '--json'));
  return { summary: JSON.parse(stdout) as Summary, said: stderr };
}

/** The processes that name the home on their command line: all of its components, and whatever runs its containers. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it ended
      }
    })
    .filter((line) =>
      [directory, linkedData(join(directory, 'home'))].some((place) => place !== undefined && line.includes(place)),
    );
}

/** The replica that the demo's requests were answered by, which is the same on every edge. */
function answeredBy(said: string): string {
  const replicas = [...said.matchAll(/^gatewright: demo: GET .*"replica_id":"([^"]+)"/gm)].map((match) => match[1]!);
  expect(replicas).toHaveLength(2);
  expect(new Set(replicas).size).toBe(1);
  return replicas[0]!;
}

test('the demo is served by a replica of its gateway; the next start replaces its machines and moves it', async () => {
  const first = await up();
  expect(processes()).toEqual([]);
  const [agent, ...machines] = first.summary.agents;
  expect(agent!.address).toMatch(/^127\.0\.2\.1:/);
  expect(machines).toHaveLength(2);
  expect(machines.map(({ id }) => id)).toContain(answeredBy(first.said));
  expect(Object.keys(first.summary.pids)).toEqual(
    expect.arrayContaining(['worker', 'api', 'edge-a', 'agent-1', 'mariadb', 'postgresql']),
  );

  const second = await up();
  expect(processes()).toEqual([]);
  const others = second.summary.agents.slice(1).map(({ id }) => id);
  expect(others).toHaveLength(2);
  for (const { id } of machines) expect(others).not.toContain(id);
  expect(machines.map(({ id }) => id)).not.toContain(answeredBy(second.said));

  const store = await openStore(`file:${join(directory, 'home', 'store.db')}`);
  const replicas = await store.fleet.replicas.live();
  expect(replicas.map(({ id, organizationId, state }) => [id, organizationId, state]).sort()).toEqual(
    others.map((id) => [id, demoOrganization, 'running']).sort(),
  );
  await store.close();
});

test('it stops everything at Ctrl-C even when nobody reads what it says any more', async () => {
  const child = spawn(...called('--no-demo'), { stdio: ['ignore', 'inherit', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (text) => {
      said += String(text);
      if (said.includes('Ctrl-C stops everything')) resolve();
    });
    child.once('exit', () => reject(new Error(said)));
  });
  expect(processes().length).toBeGreaterThan(3);
  child.stderr.destroy();
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(processes()).toEqual([]);
});
