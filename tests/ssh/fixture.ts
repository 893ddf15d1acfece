import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../environment/ports';
import { stopHostAgent } from '../../environment/host-agent';
import { startSshHost } from '../../environment/ssh-hosts';
import type { Component } from '../../environment/process';
import { sshKeyPair } from '../../drivers/secrets/ssh-keys';
import { HostKey } from '../../drivers/ssh/host-key';
import type { SshTarget } from '../../drivers/ssh/connect';
import { SilentProxy } from './silent-proxy';

/** A real sshd on a loopback address, with a file tree of its own. */
export interface TestHost {
  readonly target: SshTarget;
  readonly sshd: Component;
  /** Gatewright's directory on the host. */
  readonly root: string;
  readonly directory: string;
  /** A file of the host for what a test's script leaves there. */
  readonly path: (name: string) => string;
  /** What stands in such a file; undefined when there is none. */
  readonly read: (name: string) => string | undefined;
  readonly stop: () => Promise<void>;
}

/** Starts a host on 127.0.3.`number`. */
export async function startTestHost(number: number, options: { maxSessions?: number } = {}): Promise<TestHost> {
  const directory = mkdtempSync(join(tmpdir(), "gatewright's $HOST "));
  const client = sshKeyPair(randomBytes(32), 'test');
  const ip = `127.0.3.${number}`;
  const port = await freePort(ip);
  const sshd = await startSshHost({
    ...options,
    ...{ name: `host ${number}`, directory, ip, port, authorizedKey: client.publicKey },
    logFile: join(directory, 'sshd.log'),
  });
  const root = join(directory, 'root');
  return {
    target: {
      ...{ host: ip, port, user: userInfo().username, privateKey: client.privateKey },
      hostKey: HostKey.parse(readFileSync(join(directory, 'host_ed25519.pub'), 'utf8')),
    },
    sshd,
    root,
    directory,
    path: (name) => join(root, name),
    read: (name) => {
      try {
        return readFileSync(join(root, name), 'utf8');
      } catch {
        return undefined;
      }
    },
    stop: async () => {
      signalSessions(sshd.pid, 'SIGKILL');
      await sshd.kill();
      await stopHostAgent(root);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Sends a signal to the sshd processes that serve the connections of one sshd.
 * @returns their ids.
 */
export function signalSessions(sshd: number, signal: NodeJS.Signals): number[] {
  return sessionsOf(sshd).filter((pid) => signalled(pid, signal));
}

/** Sends a signal. @returns whether there still was such a process. */
export function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function sessionsOf(sshd: number): number[] {
  const children = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && parentOf(name) === sshd);
  return children.map(Number).flatMap((pid) => [pid, ...sessionsOf(pid)]);
}

/** The parent of an sshd process; 0 for every other one. */
function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.includes('(sshd)') ? Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) : 0;
  } catch {
    return 0;
  }
}

/** A pair of keys of its own. */
export function otherKeys(): { readonly privateKey: string; readonly hostKey: HostKey } {
  const { privateKey, publicKey } = sshKeyPair(randomBytes(32), 'test');
  return { privateKey, hostKey: HostKey.parse(publicKey) };
}

/** Lets a host go on that waits for `path`. */
export function release(path: string): void {
  writeFileSync(path, '');
}

/** Gives `use` a way to a host that can fall silent in the middle: nothing passes any more, and nobody is told. */
export async function throughProxy(
  host: TestHost,
  use: (target: SshTarget, fallSilent: () => void) => Promise<void>,
): Promise<void> {
  const proxy = await SilentProxy.open(host.target, host.target.host);
  try {
    await use({ ...host.target, port: proxy.port }, () => proxy.fallSilent());
  } finally {
    proxy.close();
  }
}
