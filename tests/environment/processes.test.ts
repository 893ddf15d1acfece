import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDescription, withAutoPorts } from '../../environment/description';
import { Home } from '../../environment/home';
import { choosePorts } from '../../environment/ports-of-home';
import { startTime } from '../../drivers/host/start-time';
import { Component } from '../../environment/process';
import { ProcessRecord, type RecordedProcess } from '../../environment/process-record';
import { Supervisor } from '../../environment/supervisor';
import { eventually } from '../support/eventually';

let directory: string;
const children: ChildProcess[] = [];
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gw-processes-'))));
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

async function sleeper(): Promise<ChildProcess & { pid: number }> {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  children.push(child);
  return child as ChildProcess & { pid: number };
}

describe('the record of processes', () => {
  const file = () => join(directory, 'processes.json');
  const recorded = () => JSON.parse(readFileSync(file(), 'utf8')) as RecordedProcess[];

  test('ends what an earlier start recorded and left running', async () => {
    const orphan = await sleeper();
    const ended = once(orphan, 'exit');
    new ProcessRecord(file()).add('agent-1', orphan.pid);
    expect(await new ProcessRecord(file()).endOrphans()).toEqual(['agent-1']);
    expect((await ended)[1]).toBe('SIGTERM');
    expect(recorded()).toEqual([]);
  });

  test('ends one that does not heed a SIGTERM, and its group', async () => {
    const child = spawn('bash', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    const ended = once(child, 'exit');
    new ProcessRecord(file()).add('stubborn', child.pid!);
    expect(await new ProcessRecord(file()).endOrphans()).toEqual(['stubborn']);
    expect((await ended)[1]).toBe('SIGKILL');
  });

  test('does not touch a process that has the pid of one that is gone', async () => {
    const stranger = await sleeper();
    const before = { name: 'worker', pid: stranger.pid, startTime: String(Number(startTime(stranger.pid)) - 1) };
    writeFileSync(file(), JSON.stringify([before]));
    expect(await new ProcessRecord(file()).endOrphans()).toEqual([]);
    expect(startTime(stranger.pid)).toBeDefined();
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    expect(recorded()).toEqual([]);
  });

  test('survives a record that was broken off', async () => {
    writeFileSync(file(), '[{"name": "wor');
    expect(await new ProcessRecord(file()).endOrphans()).toEqual([]);
  });
});

describe('a home', () => {
  test('is refused to a second one while the first is alive, with its pid', async () => {
    const other = await sleeper();
    const home = Home.open(directory);
    writeFileSync(home.path('run', 'up.json'), JSON.stringify({ pid: other.pid, startTime: startTime(other.pid) }));
    expect(() => home.take()).toThrow(`an environment already runs in ${directory} (pid ${other.pid})`);
    other.kill('SIGKILL');
    await once(other, 'exit');
    home.take();
    expect(JSON.parse(readFileSync(home.path('run', 'up.json'), 'utf8'))).toMatchObject({ pid: process.pid });
  });
});

describe('ports', () => {
  test('a busy one is named with its component and key', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const description = withAutoPorts(readDescription());
    const busy = { ...description, api: { ...description.api, port } };
    await expect(choosePorts(Home.open(directory), busy, true)).rejects.toThrow(
      `API: 127.0.0.1:${port} is in use by another program; end what uses it, or set api.port in temporal-dev.yaml`,
    );
    server.close();
  });
});

describe('the supervisor', () => {
  const said: string[] = [];
  let supervisor: Supervisor;
  const make = (restarts: boolean) => {
    said.length = 0;
    const record = new ProcessRecord(join(directory, 'processes.json'));
    return (supervisor = new Supervisor({ record, restarts, say: (text) => said.push(text) }));
  };
  const component = async () =>
    await Component.start({
      ...{ name: 'thing', command: 'sleep', args: ['60'], logFile: join(directory, 'thing.log') },
      probe: () => Promise.resolve(),
    });
  const recordedPids = () =>
    (JSON.parse(readFileSync(join(directory, 'processes.json'), 'utf8')) as RecordedProcess[]).map(({ pid }) => pid);
  afterEach(async () => await supervisor.stop(supervisor.names));

  test('starts a component again that was killed, and records the new one alone', async () => {
    await make(true).start('thing', component);
    const first = supervisor.component('thing').pid;
    expect(recordedPids()).toEqual([first]);
    await supervisor.kill9('thing');
    await eventually(() => expect(supervisor.isRunning('thing')).toBe(true));
    const second = supervisor.component('thing').pid;
    expect(second).not.toBe(first);
    expect(recordedPids()).toEqual([second]);
    expect(said[0]).toBe('thing was ended by SIGKILL; starting it again');
    await eventually(() => expect(said[1]).toBe(`thing is up again (pid ${second})`));
  });

  test('goes on trying where a start fails', async () => {
    let starts = 0;
    await make(true).start('thing', async () => {
      if (++starts === 2) throw new Error('not this time');
      return await component();
    });
    await supervisor.kill9('thing');
    await eventually(() => expect(supervisor.isRunning('thing')).toBe(true));
    expect(starts).toBe(3);
    expect(said).toContain('thing does not come up: not this time');
  });

  test('leaves a killed component down where restarts are the test’s own matter', async () => {
    await make(false).start('thing', component);
    await supervisor.kill9('thing');
    expect(() => supervisor.component('thing')).toThrow('thing is not running');
    await eventually(() => expect(said).toEqual(['thing was ended by SIGKILL']));
    expect(recordedPids()).toEqual([]);
    await supervisor.restart('thing');
    expect(supervisor.isRunning('thing')).toBe(true);
  });

  test('stops what it started, also what is just coming up again', async () => {
    await make(true).start('thing', component);
    await supervisor.start('slow', async () => {
      let ready = true;
      if (said.length > 0) ready = false;
      return await Component.start({
        ...{ name: 'slow', command: 'sleep', args: ['60'], logFile: join(directory, 'slow.log') },
        probe: () => (ready ? Promise.resolve() : Promise.reject(new Error('never'))),
      });
    });
    const thing = supervisor.component('thing').pid;
    await supervisor.kill9('slow');
    await eventually(() => expect(recordedPids()).toHaveLength(2));
    const slow = recordedPids().find((pid) => pid !== thing)!;
    expect(startTime(slow)).toBeDefined();
    await supervisor.stop(['thing', 'slow']);
    expect([startTime(thing), startTime(slow)]).toEqual([undefined, undefined]);
    expect(recordedPids()).toEqual([]);
  });

  test('fails when a component does not come up the first time, leaving nothing', async () => {
    const failing = async () =>
      await Component.start({
        ...{
          name: 'thing',
          command: 'sh',
          args: ['-c', 'echo no such luck; exit 3'],
          logFile: join(directory, 'x.log'),
        },
        probe: () => Promise.reject(new Error('not yet')),
      });
    await expect(make(true).start('thing', failing)).rejects.toThrow(/thing exited with code 3\nno such luck/);
    expect(recordedPids()).toEqual([]);
  });
});
