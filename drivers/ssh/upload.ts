import { randomBytes } from 'node:crypto';
import type { SFTPWrapper } from 'ssh2';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';
import { abortable } from './abortable';
import type { SshConnection } from './connection';

/** A file to be put onto a machine. */
export interface Upload {
  /** Absolute. */
  readonly path: string;
  readonly content: string | Buffer;
  /** Permissions, as in `0o600`. */
  readonly mode: number;
  /** Whether it has to be on disk when this is over; unless told, it has. */
  readonly sync?: boolean;
}

/** Bytes of one uploaded file. */
export const MAX_UPLOAD = 8 * 1024 * 1024;

const NAME = /^\.?[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Whether a path is that of a directory in its one plain form: absolute, of one line, without empty parts, `.` and `..`. */
export function isDirectoryPath(path: string): boolean {
  return /^(\/[^/\p{C}]{1,255}){1,32}$/u.test(path) && path.length <= 512 && !/\/\.{1,2}(\/|$)/.test(path);
}

/**
 * Puts files into a directory that is ours: each is written aside, brought to disk where the server can, and renamed, so
 * that a reader sees the old one or the new one. A symbolic link in a file's place is replaced, not followed.
 * @param directory - an absolute path; made when it is not there, without its parents.
 * @throws Failure INVALID_INPUT for a path that is not plain, not in the directory, or content that is too large;
 * FORBIDDEN when the directory is a symbolic link; SSH_UNREACHABLE, SSH_LIMIT. Throws the reason of `signal`.
 */
export async function upload(
  connection: SshConnection,
  directory: string,
  files: readonly Upload[],
  signal?: AbortSignal,
): Promise<void> {
  if (!isDirectoryPath(directory)) throw new Failure('INVALID_INPUT', `not a directory: ${printable(directory)}`);
  for (const { path, content } of files) {
    if (!path.startsWith(`${directory}/`) || !NAME.test(path.slice(directory.length + 1)))
      throw new Failure('INVALID_INPUT', `not a file of ${printable(directory)}: ${printable(path)}`);
    if (Buffer.byteLength(content) > MAX_UPLOAD)
      throw new Failure('INVALID_INPUT', `${path} has more than ${MAX_UPLOAD} bytes`);
  }
  signal?.throwIfAborted();
  const sftp = await connection.sftp();
  await abortable(signal, async () => {
    try {
      await ensureDirectory(sftp, directory);
      // All at once: on a distant machine the time goes into waiting for answers.
      await Promise.all(files.map(async (file) => await put(sftp, file)));
    } catch (error) {
      if (error instanceof Failure) throw error;
      const { message, code } = error as Error & { code?: number };
      // With a code it is the server's own refusal, which will be the same again.
      throw new Failure('SSH_UNREACHABLE', `cannot upload to ${connection.who}: ${printable(message)}`, {
        cause: error,
        retryable: code === undefined,
      });
    }
  });
}

async function ensureDirectory(sftp: SFTPWrapper, directory: string): Promise<void> {
  const made = await done((callback) => sftp.mkdir(directory, { mode: 0o700 }, callback)).then(
    () => true,
    () => false,
  );
  if (made) return;
  const isDirectory = await new Promise<boolean>((resolve, reject) => {
    sftp.lstat(directory, (error, stats) => (error ? reject(error) : resolve(stats.isDirectory())));
  });
  if (!isDirectory) throw new Failure('FORBIDDEN', `${directory} is there and is not a directory`);
}

async function put(sftp: SFTPWrapper, { path, content, mode, sync = true }: Upload): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const data = typeof content === 'string' ? Buffer.from(content) : content;
  // `wx`: whatever else may be there is not written into.
  const handle = await new Promise<Buffer>((resolve, reject) => {
    sftp.open(draft, 'wx', mode, (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  try {
    if (data.length > 0) await done((callback) => sftp.write(handle, data, 0, data.length, 0, callback));
    await done((callback) => sftp.fchmod(handle, mode, callback));
    if (sync) await done((callback) => whereOffered(() => sftp.ext_openssh_fsync(handle, callback), callback));
    await done((callback) => sftp.close(handle, callback));
    await done((callback) => rename(sftp, draft, path, callback));
  } catch (error) {
    await done((callback) => sftp.unlink(draft, callback)).catch(() => undefined);
    throw error;
  }
}

type Callback = (error?: Error | null) => void;

/** The protocol's own rename refuses to replace a file; OpenSSH's replaces it in one go. */
function rename(sftp: SFTPWrapper, from: string, to: string, callback: Callback): void {
  try {
    sftp.ext_openssh_rename(from, to, callback);
  } catch {
    sftp.rename(from, to, callback);
  }
}

/** ssh2 throws when the server has not announced an extension. */
function whereOffered(act: () => void, callback: Callback): void {
  try {
    act();
  } catch {
    callback();
  }
}

async function done(act: (callback: Callback) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => act((error) => (error ? reject(error) : resolve())));
}
