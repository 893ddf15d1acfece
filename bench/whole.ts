import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { readDescription, withAutoPorts } from '../environment/description';
import { memoryMb, namingPath } from './processes';

/** What `gatewright up` takes, as a person meets it. */
export interface Whole {
  /** Seconds from the command to the proof of the demo, in a home that was used before. */
  readonly provenS: number;
  /** Megabytes by component, of everything together and of `gatewright up` itself, when nothing has happened for a while. */
  readonly memory: Readonly<Record<string, { readonly rss: number; readonly pss: number }>>;
}

/** Brings a whole environment up twice, and looks at the second one. */
export async function measureWhole(idleSeconds: number): Promise<Whole> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-bench-up-'));
  try {
    const config = join(directory, 'config.yaml');
    writeFileSync(config, stringify(withAutoPorts(readDescription())));
    const args = ['--home', join(directory, 'home'), '--config', config, '--json'];
    await (
      await bringUp([...args, '--once'])
    ).ended;
    const began = Date.now();
    const { child, ended, summary } = await bringUp(args);
    try {
      const said = await summary;
      const provenS = (Date.now() - began) / 1000;
      await sleep(idleSeconds * 1000);
      const pids = { up: child.pid!, ...said.pids };
      return {
        provenS,
        memory: {
          ...Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, memory(name, pid)])),
          machines: machines(join(directory, 'home', 'podman'), new Set(Object.values(pids))),
        },
      };
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The components are children of `up`, and counted by themselves. */
function memory(name: string, pid: number): { rss: number; pss: number } {
  return memoryMb(pid, name !== 'up');
}

/** What the containers of a podman hold together; the podman itself is a component. */
function machines(podman: string, components: ReadonlySet<number>): { rss: number; pss: number } {
  const each = namingPath(podman)
    .filter((pid) => !components.has(pid))
    .map((pid) => memoryMb(pid));
  return { rss: each.reduce((sum, { rss }) => sum + rss, 0), pss: each.reduce((sum, { pss }) => sum + pss, 0) };
}

async function bringUp(args: readonly string[]): Promise<{
  child: ReturnType<typeof spawn>;
  ended: Promise<unknown>;
  summary: Promise<{ pids: Record<string, number> }>;
}> {
  const main = join(__dirname, '..', 'cli', 'main.js');
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(TEMPORAL_|DATABASE_URL)/.test(name)),
  );
  const child = spawn(process.execPath, [main, 'up', ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const summary = new Promise<{ pids: Record<string, number> }>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.endsWith('\n')) resolve(JSON.parse(said) as { pids: Record<string, number> });
    });
    child.once('exit', (code) => reject(new Error(`gatewright up ended with ${code}`)));
  });
  summary.catch(() => undefined);
  return await Promise.resolve({ child, ended, summary });
}
