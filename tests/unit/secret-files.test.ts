import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecret, readSecretFile, writeSecret } from '../../drivers/secrets/files';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gatewright-secrets-'));
});
afterEach(async () => await rm(directory, { recursive: true, force: true }));

const unavailable = (why: string): object => ({ code: 'SECRET_UNAVAILABLE', message: expect.stringContaining(why) });
const put = async (name: string, content: string, mode = 0o600): Promise<void> => {
  await writeFile(join(directory, name), content);
  await chmod(join(directory, name), mode);
};

test('what is written is read, for its owner alone, and leaves nothing beside it', async () => {
  await writeSecret(directory, 'replica-1', 'first');
  await writeSecret(directory, 'replica-1', 'second');
  expect(await readSecret(directory, 'replica-1')).toBe('second');
  expect((await stat(join(directory, 'replica-1'))).mode & 0o777).toBe(0o600);
  expect(await readdir(directory)).toEqual(['replica-1']);
});

test.each(['secret', 'secret\n', 'secret\r\n'])('a newline at the end is no part of it: %j', async (content) => {
  await put('name', content, 0o400);
  expect(await readSecret(directory, 'name')).toBe('secret');
});

test.each([0o640, 0o604, 0o644, 0o660, 0o620])('mode %o is refused', async (mode) => {
  await put('name', 'canary', mode);
  const error = await readSecret(directory, 'name').catch((reason: Error) => reason);
  expect(error).toMatchObject(unavailable('chmod 600'));
  expect(String(error)).not.toContain('canary');
});

test.each(['', '\n', 'two\nlines\n', 'with space', 'x'.repeat(5_000), 'b\0d'])(
  'content that is no secret is refused: %#',
  async (content) => {
    await put('name', content);
    await expect(readSecret(directory, 'name')).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
  },
);

test('a symbolic link, a directory, a pipe and an absent file are refused', async () => {
  await put('real', 'secret');
  await symlink(join(directory, 'real'), join(directory, 'link'));
  await mkdir(join(directory, 'folder'), { mode: 0o700 });
  execFileSync('mkfifo', ['-m', '600', join(directory, 'pipe')]);
  await expect(readSecret(directory, 'link')).rejects.toMatchObject(unavailable('symbolic link'));
  await expect(readSecret(directory, 'folder')).rejects.toMatchObject(unavailable('not a regular file'));
  await expect(readSecret(directory, 'pipe')).rejects.toMatchObject(unavailable('not a regular file'));
  await expect(readSecret(directory, 'absent')).rejects.toMatchObject(unavailable('ENOENT'));
  await expect(readSecretFile(join(directory, 'absent'))).rejects.toMatchObject(unavailable('absent'));
});

test('writing replaces a planted link instead of following it', async () => {
  await put('victim', 'untouched');
  await symlink(join(directory, 'victim'), join(directory, 'name'));
  await writeSecret(directory, 'name', 'new');
  expect(await readSecret(directory, 'name')).toBe('new');
  expect(await readSecret(directory, 'victim')).toBe('untouched');
});

test.each(['../name', 'a/b', '/etc/passwd', '.', '..', '.hidden', '', 'Name', 'a\0b', 'a\nb', 'x'.repeat(129)])(
  'the name %j is refused',
  async (name) => {
    await expect(readSecret(directory, name)).rejects.toMatchObject(unavailable('not the name of a secret'));
    await expect(writeSecret(directory, name, 'x')).rejects.toMatchObject(unavailable('not the name of a secret'));
  },
);
