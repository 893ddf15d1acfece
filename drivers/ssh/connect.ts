import { connect as connectSocket, type Socket } from 'node:net';
import { Client, type Algorithms, type ConnectConfig } from 'ssh2';
import { ipv4 } from '../../domain/address';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';
import { SshConnection } from './connection';
import { connectFailure } from './failures';
import { HostKey } from './host-key';

/** How a connection is watched: a peer that misses `count` answers in a row is gone. */
export interface Keepalive {
  /** Milliseconds between two questions. */
  readonly intervalMs: number;
  readonly count: number;
}

/** Where to connect, as whom, and what proves that it is the right machine. */
export interface SshTarget {
  /** A literal IPv4 address; names are not resolved. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** There is no connection without one: ssh2 without a verifier takes any host for the right one. */
  readonly hostKey: HostKey;
  /** The private key to log in with, in OpenSSH's or PEM encoding. */
  readonly privateKey: string;
}

/** How a connection is made and watched. */
export interface ConnectOptions {
  /** Ends the attempt, or later the connection. */
  readonly signal?: AbortSignal;
  /** Milliseconds from the first packet to the login's end; 10,000 unless told. */
  readonly readyTimeoutMs?: number;
  /**
   * Three questions, a second apart, unless told. A frozen peer is then found after about 3 s; being wrong about one
   * costs little, because what came of a command is read from the machine.
   */
  readonly keepalive?: Keepalive;
}

/**
 * What may be negotiated. AES-GCM alone is no victim of prefix truncation (CVE-2023-48795) even with a server that does
 * not know strict key exchange, which ssh2 uses with all that do. With it no MAC is negotiated; the list is for form.
 */
const algorithms: Algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
};

/** As useradd takes them; nothing that a log or a message could be confused by. */
const USER = /^[a-z_][a-z0-9_-]{0,31}$/;

/**
 * Opens a connection; it is logged in when this resolves.
 * @throws Failure ADDRESS_REFUSED, INVALID_INPUT; SSH_HOST_KEY (another machine, or somebody in between), SSH_AUTH,
 * SSH_UNREACHABLE. Throws the reason of an aborted `signal`.
 */
export async function connect(target: SshTarget, options: ConnectOptions = {}): Promise<SshConnection> {
  const { host, port, user } = target;
  ipv4(host);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new Failure('INVALID_INPUT', `not a port: ${printable(port)}`);
  if (!USER.test(user)) throw new Failure('INVALID_INPUT', `not the name of a user: ${printable(user)}`);
  const { signal, readyTimeoutMs = 10_000, keepalive = { intervalMs: 1_000, count: 3 } } = options;
  // The type demands it; whoever got around the type gets no connection.
  if (!(target.hostKey instanceof HostKey)) throw new Failure('SSH_HOST_KEY', `no host key is pinned for ${host}`);
  signal?.throwIfAborted();
  const who = `${user}@${host}:${port}`;
  const client = new Client();
  // With Nagle's algorithm every command waits 40 ms for a delayed acknowledgement.
  const socket = connectSocket({ host, port, noDelay: true });
  try {
    await login(client, socket, target, { readyTimeoutMs, keepalive, who, ...(signal && { signal }) });
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  }
  return new SshConnection(client, who, signal);
}

interface Login extends Required<Omit<ConnectOptions, 'signal'>> {
  readonly signal?: AbortSignal;
  readonly who: string;
}

async function login(client: Client, socket: Socket, target: SshTarget, options: Login): Promise<void> {
  const { who, signal, readyTimeoutMs, keepalive } = options;
  let otherKey = false;
  const config: ConnectConfig = {
    sock: socket,
    username: target.user,
    privateKey: target.privateKey,
    authHandler: ['publickey'],
    agentForward: false,
    algorithms,
    // Ours ends everything; ssh2's own knows only the time after the socket is open.
    readyTimeout: 0,
    keepaliveInterval: keepalive.intervalMs,
    keepaliveCountMax: keepalive.count,
    hostVerifier: (key: Buffer) => {
      otherKey = !target.hostKey.matches(key);
      return !otherKey;
    },
  };
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => reject(connectFailure(error, who, otherKey));
      timer = setTimeout(() => fail(new Error(`no login within ${readyTimeoutMs} ms`)), readyTimeoutMs);
      abort = () => reject(signal!.reason as Error);
      signal?.addEventListener('abort', abort, { once: true });
      client.once('ready', resolve);
      // Stays for the connection's life: an error nobody listens to would end the process.
      client.on('error', fail);
      client.once('close', () => fail(new Error('the connection was closed')));
      client.connect(config);
    });
  } catch (error) {
    // What `connect` itself throws: a private key that is none.
    if (error instanceof Failure || signal?.aborted) throw error;
    throw new Failure('SSH_AUTH', `cannot log in to ${who}: ${(error as Error).message}`, { retryable: false });
  } finally {
    clearTimeout(timer);
    if (abort) signal?.removeEventListener('abort', abort);
  }
}
