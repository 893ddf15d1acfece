import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { Failure } from '../../domain/failures';
import { remoteCommands, type RemoteCommand } from './commands';
import { channelFailure, outcomeUnknown } from './failures';

/** What a command is given and who hears what it says. */
export interface RunOptions {
  readonly stdin: string;
  readonly onStdout?: (data: Buffer) => void;
  readonly onStderr?: (data: Buffer) => void;
  /** Closes the command's channel; what runs on the machine goes on. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the channel is closed and SSH_OUTCOME_UNKNOWN thrown; without it the keepalive alone decides. */
  readonly timeoutMs?: number;
}

/** How a command ended. */
export interface RunResult {
  /** Its exit code; null when a signal ended it. */
  readonly code: number | null;
  /** As in `SIGKILL`, when a signal ended it. */
  readonly signal: string | null;
}

/** A logged-in connection; made by `connect`, which checks the host key. */
export class SshConnection {
  /** Resolves when the connection is closed, for whatever reason. */
  readonly closed: Promise<void>;
  private open = true;
  private sftpSession: Promise<SFTPWrapper> | undefined;

  constructor(
    private readonly client: Client,
    /** `user@host:port`, for messages. */
    readonly who: string,
    signal?: AbortSignal,
  ) {
    const abort = (): void => this.destroy();
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.open = false;
        signal?.removeEventListener('abort', abort);
        resolve();
      });
    });
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
  }

  get isOpen(): boolean {
    return this.open;
  }

  /**
   * Runs one of the known commands to its end.
   * @throws Failure SSH_UNREACHABLE and SSH_LIMIT (it did not begin), SSH_OUTCOME_UNKNOWN (it may have, and may still
   * be running). Throws the reason of an aborted `signal`.
   */
  async run(command: RemoteCommand, options: RunOptions): Promise<RunResult> {
    const { signal, timeoutMs } = options;
    signal?.throwIfAborted();
    const channel = await this.openChannel(command, signal);
    return await new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        act();
      };
      const give = (reason: unknown): void => {
        settle(() => reject(reason as Error));
        channel.close();
      };
      const abort = (): void => give(signal!.reason);
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => give(outcomeUnknown(this.who)), Math.max(1, timeoutMs));
      signal?.addEventListener('abort', abort, { once: true });
      channel.on('data', (data: Buffer) => options.onStdout?.(data));
      channel.stderr.on('data', (data: Buffer) => options.onStderr?.(data));
      channel.once('error', (error: Error) => give(outcomeUnknown(this.who, error)));
      // The connection's end closes its channels without an error and without a code: measured, and told nowhere.
      channel.once('close', (code?: number | null, name?: string) => {
        settle(() => {
          if (code === undefined) reject(outcomeUnknown(this.who));
          else resolve({ code, signal: name ?? null });
        });
      });
      channel.end(options.stdin);
      if (signal?.aborted) abort();
    });
  }

  /**
   * The connection's SFTP session; there is one, which counts as a session of the server's limit.
   * @throws Failure SSH_UNREACHABLE, SSH_LIMIT, SSH_OUTCOME_UNKNOWN
   */
  async sftp(): Promise<SFTPWrapper> {
    this.sftpSession ??= this.openSftp();
    try {
      return await this.sftpSession;
    } catch (error) {
      this.sftpSession = undefined;
      throw error;
    }
  }

  /** Says goodbye and closes. */
  async close(): Promise<void> {
    if (!this.open) return;
    this.client.end();
    // A frozen peer does not answer the goodbye.
    const timer = setTimeout(() => this.destroy(), 500);
    await this.closed;
    clearTimeout(timer);
  }

  /** Closes at once. */
  destroy(): void {
    this.client.destroy();
  }

  private async openChannel(command: RemoteCommand, signal?: AbortSignal): Promise<ClientChannel> {
    return await new Promise((resolve, reject) => {
      let given = false;
      const abort = (): void => {
        given = true;
        reject(signal!.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      const done = (error: Error | undefined, channel?: ClientChannel): void => {
        signal?.removeEventListener('abort', abort);
        if (given) return channel?.close();
        if (error) reject(channelFailure(error, this.who));
        else resolve(channel!);
      };
      try {
        this.client.exec(remoteCommands[command], done);
      } catch (error) {
        done(error as Error);
      }
    });
  }

  private async openSftp(): Promise<SFTPWrapper> {
    return await new Promise((resolve, reject) => {
      const refuse = (error: Error): void => {
        const failure = channelFailure(error, this.who);
        // A subsystem that did not start has done nothing.
        const lost = failure.code === 'SSH_OUTCOME_UNKNOWN';
        reject(lost ? new Failure('SSH_UNREACHABLE', `${this.who} gives no SFTP session`, { cause: error }) : failure);
      };
      try {
        this.client.sftp((error, session) => {
          if (error) return refuse(error);
          session.on('error', () => (this.sftpSession = undefined));
          session.once('close', () => (this.sftpSession = undefined));
          resolve(session);
        });
      } catch (error) {
        refuse(error as Error);
      }
    });
  }
}
