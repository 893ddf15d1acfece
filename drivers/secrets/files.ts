import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';

const NAME = /^[a-z0-9][a-z0-9._-]{0,127}$/;
/** No secret of ours is longer than a few hundred bytes; whatever is, is not a secret file. */
const LIMIT = 4096;

/**
 * Reads the secret that is kept in a file of its own and passed around by that file's name.
 * @throws Failure SECRET_UNAVAILABLE (see {@link readSecretFile}), or when the name is not one.
 */
export async function readSecret(directory: string, name: string): Promise<string> {
  return await readSecretFile(secretPath(directory, name));
}

/**
 * Reads one secret: a regular file, not a symbolic link, that only its owner may read; a newline at its end is not part
 * of it.
 * @throws Failure SECRET_UNAVAILABLE naming the file and never its content.
 */
export async function readSecretFile(path: string): Promise<string> {
  // O_NONBLOCK: opening a named pipe would otherwise wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) =>
      refuse(path, error.code === 'ELOOP' ? 'is a symbolic link' : `cannot be opened (${error.code})`),
  );
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return refuse(path, 'is not a regular file');
    if (stat.mode & 0o077) return refuse(path, 'can be read by others (chmod 600)');
    if (stat.size > LIMIT) return refuse(path, `is longer than ${LIMIT} bytes`);
    const secret = (await file.readFile('utf8')).replace(/\r?\n$/, '');
    if (!/^[\x21-\x7e]+$/.test(secret)) return refuse(path, 'does not hold one line of printable characters');
    return secret;
  } finally {
    await file.close();
  }
}

/** Writes a secret so that a reader sees the old one or the new one, with mode 0600. */
export async function writeSecret(directory: string, name: string, secret: string): Promise<void> {
  const path = secretPath(directory, name);
  const draft = `${path}.${process.pid}.new`;
  await rm(draft, { force: true });
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

function secretPath(directory: string, name: string): string {
  if (!NAME.test(name)) throw new Failure('SECRET_UNAVAILABLE', `not the name of a secret: ${printable(name)}`);
  return join(directory, name);
}

function refuse(path: string, why: string): never {
  throw new Failure('SECRET_UNAVAILABLE', `the secret file ${path} ${why}`);
}
