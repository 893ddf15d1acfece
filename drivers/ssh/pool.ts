import { createHash } from 'node:crypto';
import { abortable } from './abortable';
import { connect, type ConnectOptions, type SshTarget } from './connect';
import type { SshConnection } from './connection';

/** Bounds of a pool. */
export interface PoolOptions extends Omit<ConnectOptions, 'signal'> {
  /** Connections, those that are being opened included; 100 unless told. */
  readonly maxConnections?: number;
  /** Users of one connection at a time; 4 unless told. Each has a command and the SFTP session open: sshd allows 10. */
  readonly maxUsers?: number;
  /** Milliseconds that an unused connection is kept; 15,000 unless told. */
  readonly idleMs?: number;
}

/** A connection of the pool, open or on its way. */
interface Entry {
  readonly key: string;
  readonly opening: Promise<SshConnection>;
  /** Ends the attempt once nobody waits for it any more. */
  readonly attempt: AbortController;
  connection?: SshConnection;
  users: number;
  idle?: NodeJS.Timeout;
}

/**
 * Connections to machines that are used again. One of its users gets it only when it is open; a closed one leaves the
 * pool at once; another host key, user or private key is another connection.
 */
export class SshPool {
  private readonly entries = new Set<Entry>();
  private readonly waiting: (() => void)[] = [];
  private closed = false;

  constructor(private readonly options: PoolOptions = {}) {}

  /** Connections that are open or being opened. */
  get size(): number {
    return this.entries.size;
  }

  /**
   * Gives `use` a connection, waiting for one where the bounds are reached. When `signal` is aborted while it is used and
   * nobody else uses it, the connection is closed: its state is not known then.
   * @throws what `connect` and `use` throw; the reason of an aborted `signal`.
   */
  async with<T>(target: SshTarget, use: (connection: SshConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const entry = await this.enter(target, signal);
    try {
      // The attempt to connect goes on for others who wait for it.
      return await use(await abortable(signal, () => entry.opening));
    } finally {
      this.leave(entry, signal?.aborted === true);
    }
  }

  /** Closes all connections; commands on them end with SSH_OUTCOME_UNKNOWN. */
  async close(): Promise<void> {
    this.closed = true;
    for (const wake of this.waiting.splice(0)) wake();
    await Promise.all(
      [...this.entries].map(async (entry) => {
        clearTimeout(entry.idle);
        entry.attempt.abort(new Error('the pool was closed'));
        await entry.opening.then(
          async (connection) => await connection.close(),
          () => undefined,
        );
      }),
    );
  }

  private async enter(target: SshTarget, signal?: AbortSignal): Promise<Entry> {
    const key = keyOf(target);
    for (;;) {
      signal?.throwIfAborted();
      if (this.closed) throw new Error('the pool of connections is closed');
      const entry = this.find(key) ?? this.add(key, target);
      if (entry) {
        clearTimeout(entry.idle);
        entry.users++;
        return entry;
      }
      await this.turn(signal);
    }
  }

  private find(key: string): Entry | undefined {
    const { maxUsers = 4 } = this.options;
    return [...this.entries].find((one) => one.key === key && one.users < maxUsers && one.connection?.isOpen !== false);
  }

  /** A new connection, in place of one that nobody uses where the pool is full; undefined when all are used. */
  private add(key: string, target: SshTarget): Entry | undefined {
    const { maxConnections = 100, ...options } = this.options;
    if (this.entries.size >= maxConnections) {
      const unused = [...this.entries].find((one) => one.users === 0);
      if (!unused) return undefined;
      this.drop(unused);
    }
    const attempt = new AbortController();
    const entry: Entry = { key, attempt, users: 0, opening: connect(target, { ...options, signal: attempt.signal }) };
    this.entries.add(entry);
    entry.opening.then(
      (connection) => {
        entry.connection = connection;
        void connection.closed.then(() => this.remove(entry));
      },
      () => this.remove(entry),
    );
    return entry;
  }

  private leave(entry: Entry, aborted: boolean): void {
    entry.users--;
    const over = aborted || this.closed || entry.connection?.isOpen !== true;
    if (entry.users === 0 && over) this.drop(entry);
    else if (entry.users === 0) {
      entry.idle = setTimeout(() => this.drop(entry), this.options.idleMs ?? 15_000);
      entry.idle.unref();
    }
    for (const wake of this.waiting.splice(0)) wake();
  }

  private drop(entry: Entry): void {
    clearTimeout(entry.idle);
    entry.attempt.abort(new Error('nobody needs the connection any more'));
    this.remove(entry);
  }

  private remove(entry: Entry): void {
    if (!this.entries.delete(entry)) return;
    clearTimeout(entry.idle);
    for (const wake of this.waiting.splice(0)) wake();
  }

  private async turn(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.waiting.push(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}

function keyOf({ host, port, user, hostKey, privateKey }: SshTarget): string {
  const login = createHash('sha256').update(privateKey).digest('hex');
  return [host, port, user, hostKey.fingerprint, login].join('|');
}
