import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigTester } from '../../drivers/nginx/tester';
import { eventually } from '../support/eventually';

/* The shell that runs `nginx -t`, here with a program in nginx's place that says what is asked of it. */

let directory: string;
let tester: ConfigTester;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gw-tester-'))));
afterEach(() => {
  tester.close();
  rmSync(directory, { recursive: true, force: true });
});

function standIn(script: string, timeoutMs = 5_000): ConfigTester {
  const program = join(directory, 'nginx');
  writeFileSync(program, `#!/bin/sh\necho $$ $PPID > ${directory}/pids\n${script}\n`);
  chmodSync(program, 0o700);
  return new ConfigTester(program, directory, timeoutMs);
}

/** The pids of the stand-in and of the shell that ran it. */
function pids(): [number, number] {
  return readFileSync(join(directory, 'pids'), 'utf8').trim().split(' ').map(Number) as [number, number];
}

function isRunning(pid: number): boolean {
  return spawnSync('kill', ['-0', String(pid)]).status === 0;
}

test('says what the program said, whatever it was, and how it ended', async () => {
  tester = standIn('echo "$@"; echo "0 lines, 0" >&2; exit ${code:-3}');
  const { error, output } = await tester.test(7);
  expect(output).toContain(`-t -p ${directory}/ -e stderr -c generations/7/candidate.conf\n0 lines, 0`);
  expect(error?.message).toContain('exited with 3');
});

test('many tests are run one after the other, by one shell', async () => {
  tester = standIn('echo $7; exit 0');
  await tester.test(1);
  const [, shell] = pids();
  const results = await Promise.all([2, 3, 4].map((number) => tester.test(number)));
  expect(results.map(({ output }) => output.trim())).toEqual([2, 3, 4].map((n) => `generations/${n}/candidate.conf`));
  expect(pids()[1]).toBe(shell);
});

test('a shell that somebody has killed is replaced', async () => {
  tester = standIn('exit 0');
  await tester.test(1);
  const [, shell] = pids();
  process.kill(shell, 'SIGKILL');
  expect(await tester.test(2)).toEqual({ error: null, output: '' });
  expect(pids()[1]).not.toBe(shell);
});

test('a test that hangs is given up and killed, and the next one is made', async () => {
  tester = standIn('case $7 in *1/*) sleep 60;; esac; exit 0', 300);
  const { error } = await tester.test(1);
  expect(error?.message).toContain('longer than 300 ms');
  const [hung, shell] = pids();
  await eventually(() => expect([isRunning(hung), isRunning(shell)]).toEqual([false, false]));
  expect((await tester.test(2)).error).toBeNull();
});

test('the shell ends when it is no longer needed', async () => {
  tester = standIn('exit 0');
  await tester.test(1);
  const [, shell] = pids();
  tester.close();
  await eventually(() => expect(isRunning(shell)).toBe(false));
});
