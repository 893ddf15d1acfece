import { connect } from '../../drivers/ssh/connect';
import type { SshConnection } from '../../drivers/ssh/connection';
import { SshPool } from '../../drivers/ssh/pool';
import { eventually } from '../support/eventually';
import { otherKeys, signalSessions, startTestHost, type TestHost } from './fixture';
import { expectFailure, failureOf } from './support';

let host: TestHost;
let pool: SshPool;
beforeAll(async () => {
  host = await startTestHost(4, { maxSessions: 3 });
});
afterAll(async () => await host.stop());
afterEach(async () => await pool.close());

const hello = async (connection: SshConnection): Promise<SshConnection> => {
  expect(connection.isOpen).toBe(true);
  expect(await connection.run('script', { stdin: 'exit 4' })).toEqual({ code: 4, signal: null });
  return connection;
};

describe('the pool of connections', () => {
  test('gives several users one connection, once it is open, and keeps it for the next', async () => {
    pool = new SshPool({ maxUsers: 3 });
    const [first, second] = await Promise.all([pool.with(host.target, hello), pool.with(host.target, hello)]);
    expect(second).toBe(first);
    expect(await pool.with(host.target, hello)).toBe(first);
    expect(pool.size).toBe(1);
  });

  test('opens another one rather than more sessions than a connection may have', async () => {
    pool = new SshPool({ maxUsers: 1 });
    const used = await Promise.all([1, 2, 3].map(async () => await pool.with(host.target, hello)));
    expect(new Set(used).size).toBe(3);
  });

  test('waits where all connections are in use', async () => {
    pool = new SshPool({ maxConnections: 1, maxUsers: 1 });
    const order: string[] = [];
    let done = (): void => undefined;
    const first = pool.with(host.target, async () => {
      await new Promise<void>((resolve) => (done = resolve));
      order.push('first');
    });
    const second = pool.with(host.target, async (connection) => {
      await hello(connection);
      order.push('second');
    });
    const controller = new AbortController();
    const third = pool.with(host.target, hello, controller.signal);
    controller.abort(new Error('cancelled by a person'));
    await expect(third).rejects.toThrow('cancelled by a person');
    await eventually(() => expect(pool.size).toBe(1));
    await eventually(() => done() === undefined && expect(order[0]).toBe('first'));
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });

  test('keeps apart what differs in host key or login', async () => {
    pool = new SshPool();
    const first = await pool.with(host.target, hello);
    const other = { ...host.target, hostKey: otherKeys().hostKey };
    await expectFailure(pool.with(other, hello), 'SSH_HOST_KEY');
    await expectFailure(pool.with({ ...host.target, privateKey: otherKeys().privateKey }, hello), 'SSH_AUTH');
    expect(await pool.with(host.target, hello)).toBe(first);
    expect(pool.size).toBe(1);
  });

  test('forgets a connection that is closed, whoever closed it, and one that is unused', async () => {
    pool = new SshPool({ idleMs: 1 });
    const first = await pool.with(host.target, hello);
    await first.closed;
    expect(pool.size).toBe(0);
    const lost = pool.with(host.target, async (connection) => {
      const command = connection.run('script', { stdin: 'sleep 30' });
      await eventually(() => expect(signalSessions(host.sshd.pid, 'SIGKILL')).not.toHaveLength(0));
      await command;
    });
    await expectFailure(lost, 'SSH_OUTCOME_UNKNOWN');
    await pool.with(host.target, async (connection) => expect(await hello(connection)).not.toBe(first));
  });

  test('closes a connection whose only user was cancelled, and none that another one uses', async () => {
    pool = new SshPool();
    const controller = new AbortController();
    const busy = (signal?: AbortSignal) => async (connection: SshConnection) => {
      await connection.run('script', { stdin: 'sleep 30', ...(signal && { signal }) });
    };
    let used: SshConnection | undefined;
    let finish = (): void => undefined;
    const stays = pool.with(host.target, async (connection) => {
      used = connection;
      await new Promise<void>((resolve) => (finish = resolve));
      return await hello(connection);
    });
    const goes = pool.with(host.target, busy(controller.signal), controller.signal);
    await eventually(() => expect(used).toBeDefined());
    controller.abort(new Error('cancelled by a person'));
    await expect(goes).rejects.toThrow('cancelled by a person');
    expect(used!.isOpen).toBe(true);
    finish();
    await stays;
    const second = new AbortController();
    const alone = pool.with(host.target, busy(second.signal), second.signal);
    second.abort(new Error('cancelled by a person'));
    await expect(alone).rejects.toThrow('cancelled by a person');
    await used!.closed;
  });

  test('is told when the server opens no further session', async () => {
    pool = new SshPool();
    const connection = await connect(host.target);
    const sleeping = [1, 2, 3].map(async () => await failureOf(connection.run('script', { stdin: 'sleep 30' })));
    const failure = await expectFailure(connection.run('script', { stdin: 'true' }), 'SSH_LIMIT');
    expect(failure.retryable).toBe(true);
    connection.destroy();
    expect((await Promise.all(sleeping)).map(({ code }) => code)).toEqual(Array(3).fill('SSH_OUTCOME_UNKNOWN'));
  });
});
