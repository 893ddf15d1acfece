import type { MachineSpec, SshAddress } from '../../../domain/fleet/machine';
import { archive } from './archive';

/** Where the machine image expects what makes it this very machine; its sshd is started with `sshd_config` of it. */
const DIRECTORY = 'etc/gatewright';

/**
 * What is put into a container before it is started for the first time, as a tar archive: its host key, who may log in
 * and where its sshd listens. Neither the environment nor the labels hold any of it, so that `inspect` shows no key.
 */
export function injection({ hostKey, authorizedKey }: MachineSpec, { host, port, user }: SshAddress): Buffer {
  return archive([
    { path: `${DIRECTORY}/host_key`, content: withNewline(hostKey.privateKey), mode: 0o600 },
    { path: `${DIRECTORY}/host_key.pub`, content: withNewline(hostKey.publicKey), mode: 0o644 },
    { path: `${DIRECTORY}/authorized_keys`, content: withNewline(authorizedKey), mode: 0o644 },
    { path: `${DIRECTORY}/sshd_config`, content: sshdConfig(host, port, user), mode: 0o644 },
  ]);
}

function sshdConfig(host: string, port: number, user: string): string {
  return Object.entries({
    ListenAddress: host,
    Port: port,
    HostKey: `/${DIRECTORY}/host_key`,
    AuthorizedKeysFile: `/${DIRECTORY}/authorized_keys`,
    AllowUsers: user,
    PermitRootLogin: 'prohibit-password',
    UsePAM: 'no',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    UseDNS: 'no',
    AllowTcpForwarding: 'no',
    AllowAgentForwarding: 'no',
    X11Forwarding: 'no',
    PrintMotd: 'no',
    MaxStartups: '100:30:200',
    MaxSessions: 50,
    LoginGraceTime: 20,
    Subsystem: 'sftp internal-sftp',
  })
    .map(([key, value]) => `${key} ${value}\n`)
    .join('');
}

/** OpenSSH reads no key from a last line that does not end. */
function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
