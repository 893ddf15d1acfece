import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { sshKeyPair } from '../drivers/secrets/ssh-keys';
import { requireFree } from './ports';
import { Component } from './process';

/** How a machine of the `static` backend is played by a local sshd. */
export interface SshHostOptions {
  /** As in the inventory. */
  readonly name: string;
  /** Its own directory: host key, configuration, and its file tree `root`. Kept, so that the host stays the same. */
  readonly directory: string;
  /** A loopback address, for its sshd and for what the machine serves. */
  readonly ip: string;
  readonly port: number;
  /** The public key that may log in, one line. */
  readonly authorizedKey: string;
  /** Sessions of one connection; 50 unless told. */
  readonly maxSessions?: number;
  readonly logFile: string;
}

const SSHD = '/usr/sbin/sshd';

/**
 * Starts an sshd of its own configuration as an ordinary process and waits until it answers. Who logs in is the user
 * that runs it; commands find their host's file tree in `GW_ROOT`.
 * @throws ComponentFailed when the port is taken, the package is missing or it does not come up.
 */
export async function startSshHost(options: SshHostOptions): Promise<Component> {
  const { name, ip, port, directory, logFile } = options;
  await requireFree(`sshd of ${name}`, ip, port);
  // The directory of sshd's own privilege separation; a package that never started its service did not make it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  prepare(options);
  return await Component.start({
    name: `sshd of ${name}`,
    command: SSHD,
    args: ['-D', '-e', '-f', join(directory, 'sshd_config')],
    logFile,
    probe: async () => await banner(ip, port),
  });
}

/** The inventory of local hosts, in the form that the `static` backend reads. */
export function inventoryOf(
  hosts: readonly Pick<SshHostOptions, 'name' | 'directory' | 'ip' | 'port'>[],
  region: string,
): string {
  const user = userInfo().username;
  return stringify({
    hosts: hosts.map(({ name, directory, ip, port }) => ({
      ...{ name, host: ip, port, user, serves: ip, region },
      hostKey: hostKey(directory).publicKey,
    })),
  });
}

function prepare({ directory, ip, port, authorizedKey, maxSessions = 50 }: SshHostOptions): void {
  mkdirSync(join(directory, 'root'), { recursive: true, mode: 0o700 });
  hostKey(directory);
  writeFileSync(join(directory, 'authorized_keys'), `${authorizedKey}\n`, { mode: 0o600 });
  const lines = {
    ListenAddress: ip,
    Port: port,
    HostKey: `"${join(directory, 'host_ed25519')}"`,
    PidFile: 'none',
    AuthorizedKeysFile: `"${join(directory, 'authorized_keys')}"`,
    StrictModes: 'no', // a home may lie below a directory that others can write, as /tmp
    UsePAM: 'no',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    PermitRootLogin: 'prohibit-password',
    UseDNS: 'no',
    AllowTcpForwarding: 'no',
    AllowAgentForwarding: 'no',
    X11Forwarding: 'no',
    PrintMotd: 'no',
    MaxStartups: '100:30:200',
    MaxSessions: maxSessions,
    LoginGraceTime: 10,
    SetEnv: environmentOf(join(directory, 'root')),
    Subsystem: 'sftp internal-sftp',
  };
  const text = Object.entries(lines).map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(join(directory, 'sshd_config'), text.join(''), { mode: 0o600 });
}

/**
 * Its own tree and home, so that no shell start-up file of the developer's account delays every command, and the node
 * that runs us among its programs.
 */
function environmentOf(root: string): string {
  const path = `${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  return [`GW_ROOT=${root}`, `HOME=${root}`, `PATH=${path}`].map((word) => `"${word}"`).join(' ');
}

/** The key of a host, made where there is none. */
function hostKey(directory: string): { readonly publicKey: string } {
  const file = join(directory, 'host_ed25519');
  if (!existsSync(`${file}.pub`)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { privateKey, publicKey } = sshKeyPair(randomBytes(32), randomBytes(4).toString('hex'));
    writeFileSync(file, privateKey, { mode: 0o600 });
    writeFileSync(`${file}.pub`, `${publicKey}\n`);
  }
  return { publicKey: readFileSync(`${file}.pub`, 'utf8').trim() };
}

/** Waits for the line that an sshd greets with. */
async function banner(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection({ host, port, timeout: 1_000 });
    const end = (error?: Error): void => {
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    socket.once('data', (chunk: Buffer) =>
      end(chunk.toString('latin1').startsWith('SSH-2.0-') ? undefined : new Error('it is no sshd')),
    );
    socket.once('timeout', () => end(new Error('it does not answer')));
    socket.once('error', end);
  });
}
