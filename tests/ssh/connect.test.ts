import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect, type ConnectOptions, type SshTarget } from '../../drivers/ssh/connect';
import { HostKey } from '../../drivers/ssh/host-key';
import { freePort } from '../../environment/ports';
import { otherKeys, signalled, signalSessions, startTestHost, type TestHost } from './fixture';
import { expectFailure } from './support';

let host: TestHost;
beforeAll(async () => {
  host = await startTestHost(1);
});
afterAll(async () => await host.stop());

const attempt = async (changes: Partial<SshTarget>, options: ConnectOptions = {}): Promise<void> => {
  const connection = await connect({ ...host.target, ...changes }, options);
  await connection.close();
};

/** A TCP server of no protocol, for as long as `use` takes. */
async function withServer(onSocket: (socket: Socket) => void, use: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()));
    onSocket(socket);
  });
  server.listen(0, host.target.host);
  await once(server, 'listening');
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe('a connection over SSH', () => {
  test('is logged in, runs a command and says how it ended', async () => {
    const connection = await connect(host.target);
    let said = '';
    const result = await connection.run('script', {
      stdin: 'echo hello; exit 3',
      onStdout: (data) => (said += data.toString()),
    });
    expect({ ...result, said }).toEqual({ code: 3, signal: null, said: 'hello\n' });
    expect(await connection.run('script', { stdin: 'kill -KILL $$' })).toEqual({ code: null, signal: 'SIGKILL' });
    await connection.close();
    expect(connection.isOpen).toBe(false);
    await expectFailure(connection.run('script', { stdin: 'true' }), 'SSH_UNREACHABLE');
  });

  test('takes the pinned key as a line or as a fingerprint, and no other one', async () => {
    await attempt({ hostKey: HostKey.parse(host.target.hostKey.fingerprint) });
    const failure = await expectFailure(attempt({ hostKey: otherKeys().hostKey }), 'SSH_HOST_KEY');
    expect(failure.retryable).toBe(false);
    for (const none of ['', 'SHA256:', 'ssh-rsa AAAAB3NzaC1yc2E=', `ssh-ed25519 ${'A'.repeat(68)}`, 'SHA256:x\n'])
      expect(() => HostKey.parse(none)).toThrow('neither an ed25519 public key nor a SHA256 fingerprint');
  });

  test('is not to be had without a key to pin', async () => {
    const { hostKey: _, ...rest } = host.target;
    const accepts: HostKey = { matches: () => true } as unknown as HostKey;
    let connections = 0;
    await withServer(
      () => connections++,
      async (port) => {
        // @ts-expect-error -- the type demands one
        await expectFailure(connect({ ...rest, port }), 'SSH_HOST_KEY');
        await expectFailure(connect({ ...rest, port, hostKey: accepts }), 'SSH_HOST_KEY');
      },
    );
    expect(connections).toBe(0);
  });

  test('says that the login is refused', async () => {
    await expectFailure(attempt({ privateKey: otherKeys().privateKey }), 'SSH_AUTH');
    await expectFailure(attempt({ user: 'nobody-of-that-name' }), 'SSH_AUTH');
    const broken = await expectFailure(attempt({ privateKey: 'no key' }), 'SSH_AUTH');
    expect(broken.retryable).toBe(false);
    expect(broken.message).not.toContain('no key');
  });

  test('says that nothing listens, nobody speaks or the peer hangs up', async () => {
    const closed = await freePort(host.target.host);
    expect((await expectFailure(attempt({ port: closed }), 'SSH_UNREACHABLE')).message).toContain('ECONNREFUSED');
    await withServer(
      () => undefined,
      async (port) => {
        await expectFailure(attempt({ port }, { readyTimeoutMs: 200 }), 'SSH_UNREACHABLE');
      },
    );
    await withServer(
      (socket) => socket.end(),
      async (port) => {
        await expectFailure(attempt({ port }), 'SSH_UNREACHABLE');
      },
    );
    await withServer(
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n\x1b[31m'),
      async (port) => {
        const failure = await expectFailure(attempt({ port }), 'SSH_UNREACHABLE');
        expect(failure.message).toMatch(/^[\x20-\x7e]+$/);
      },
    );
  });

  test.each(['localhost', '127.1', '::1', '2130706433', '127.0.0.1; true', ''])(
    'goes to literal addresses alone, not to %j',
    async (name) => {
      await expectFailure(attempt({ host: name }), 'ADDRESS_REFUSED');
    },
  );

  test.each(['root;id', '-oProxyCommand=x', 'Root', 'a b', '', '$(id)'])('logs in as no user %j', async (user) => {
    await expectFailure(attempt({ user }), 'INVALID_INPUT');
  });

  test('is given up when it is cancelled, while it opens and later', async () => {
    await withServer(
      () => undefined,
      async (port) => {
        const controller = new AbortController();
        const trial = attempt({ port }, { signal: controller.signal });
        controller.abort(new Error('not wanted any more'));
        await expect(trial).rejects.toThrow('not wanted any more');
      },
    );
    const controller = new AbortController();
    const connection = await connect(host.target, { signal: controller.signal });
    controller.abort();
    await connection.closed;
    expect(connection.isOpen).toBe(false);
  });

  test('finds that its peer is frozen', async () => {
    const connection = await connect(host.target, { keepalive: { intervalMs: 100, count: 2 } });
    const command = connection.run('script', { stdin: 'sleep 30' });
    const frozen = signalSessions(host.sshd.pid, 'SIGSTOP');
    expect(frozen).not.toHaveLength(0);
    try {
      await expectFailure(command, 'SSH_OUTCOME_UNKNOWN');
      await connection.closed;
    } finally {
      for (const pid of frozen) signalled(pid, 'SIGKILL');
    }
  });
});
