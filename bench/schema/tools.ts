import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timed, type Peer } from './server';

/** Milliseconds after which a tool is ended: a bench ends. */
const LONGEST_MS = 300_000;

/** Other people's tools for the same change of `t`. @param url of the schema, for an account that may do everything. */
export function mySqlTools(url: string, alter: string): Peer[] {
  const { hostname, port, username, password, pathname } = new URL(url);
  const account = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  const schema = pathname.slice(1);
  const perconaArgs = (file: string): string[] => [
    ...['--no-version-check', '--execute', '--recursion-method=none', '--charset=utf8', `--defaults-file=${file}`],
    // The bench's load is not what it has to be careful of.
    ...['--max-load=Threads_running=1000', '--critical-load=Threads_running=2000'],
    ...['--alter', alter, `h=${hostname},P=${port},D=${schema},t=t`],
  ];
  const ghostArgs = (file: string): string[] => [
    ...[`--conf=${file}`, `--host=${hostname}`, `--port=${port}`, `--database=${schema}`, '--table=t'],
    ...[`--alter=${alter}`, '--execute', '--allow-on-master', '--assume-rbr', '--initially-drop-ghost-table'],
    ...['--initially-drop-old-table', '--ok-to-drop-table', '--max-load=Threads_running=1000', '--chunk-size=5000'],
    `--serve-socket-file=${file}.sock`,
  ];
  const percona = peer('pt-online-schema-change', 'pt-online-schema-change', perconaArgs, account);
  const { GH_OST: binary } = process.env;
  return binary ? [percona, peer('gh-ost', binary, ghostArgs, account)] : [percona];
}

function peer(
  name: string,
  program: string,
  args: (file: string) => string[],
  { user, password }: { readonly user: string; readonly password: string },
): Peer {
  return {
    name,
    run: async () => {
      const directory = mkdtempSync(join(tmpdir(), 'gw-bench-tool-'));
      try {
        const file = join(directory, 'account.cnf');
        writeFileSync(file, `[client]\nuser=${user}\npassword=${password}\n`, { mode: 0o600 });
        return await timed(async () => await runToItsEnd(program, args(file)));
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

/** @throws Error with the last that it said. */
async function runToItsEnd(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LONGEST_MS, killSignal: 'SIGKILL' });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  process.off('exit', kill);
  if (code !== 0)
    throw new Error(`${program} ended with ${signal ?? code}: ${said.trimEnd().split('\n').slice(-4).join(' | ')}`);
}
