import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sshKeyPair, type SshKeyPair } from '../../drivers/secrets/ssh-keys';
import { fingerprintOf } from '../../drivers/cloud/static/host-key';
import type { SshAddress } from '../../domain/fleet/machine';

/** What came of a login. */
export type Login =
  { readonly in: true; readonly said: string } | { readonly in: false; readonly why: 'host-key' | 'auth' | string };

/** Makes a key pair. */
export function keyPair(): SshKeyPair {
  return sshKeyPair(randomBytes(32), 'test');
}

/**
 * Logs in with OpenSSH's own client, which trusts one host key and has one key of its own.
 * @param command whose output is answered; who one is, unless told.
 * @param keys.host a public key, or the fingerprint of one; then the key that the host shows has to have it.
 */
export async function tryLogin(
  { host, port, user }: SshAddress,
  keys: { readonly client: SshKeyPair; readonly host: string },
  command = 'id -un',
): Promise<Login> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-login-'));
  try {
    const trusted = keys.host.startsWith('SHA256:') ? await shownKey(host, port, keys.host) : keys.host;
    if (trusted === undefined) return { in: false, why: 'host-key' };
    const [identity, known] = [join(directory, 'identity'), join(directory, 'known')];
    writeFileSync(identity, keys.client.privateKey, { mode: 0o600 });
    writeFileSync(known, `[${host}]:${port} ${trusted}\n`);
    const options = [
      ...['BatchMode=yes', 'StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'ConnectTimeout=5', 'IdentityAgent=none'],
      ...[`UserKnownHostsFile=${known}`, 'GlobalKnownHostsFile=/dev/null', 'PreferredAuthentications=publickey'],
    ];
    const args = [...['-F', '/dev/null', '-i', identity, '-p', String(port)], ...options.flatMap((one) => ['-o', one])];
    return await promisify(execFile)('ssh', [...args, `${user}@${host}`, command], { timeout: 20_000 }).then(
      ({ stdout }) => ({ in: true as const, said: stdout.trim() }),
      ({ stderr }: { stderr: string }) => ({ in: false as const, why: reason(stderr) }),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function reason(stderr: string): string {
  if (stderr.includes('Host key verification failed')) return 'host-key';
  if (stderr.includes('Permission denied')) return 'auth';
  return stderr.trim();
}

/** The public key that a host shows and that has a fingerprint. */
async function shownKey(host: string, port: number, fingerprint: string): Promise<string | undefined> {
  const scan = promisify(execFile)('ssh-keyscan', ['-T', '5', '-p', String(port), host]);
  const { stdout } = await scan.catch(() => ({ stdout: '' })); // nothing listens
  const keys = stdout.split('\n').map((line) => line.slice(line.indexOf(' ') + 1));
  return keys.find((key) => fingerprintOf(key) === fingerprint);
}
