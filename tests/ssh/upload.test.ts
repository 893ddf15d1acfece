import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from '../../drivers/ssh/connect';
import type { SshConnection } from '../../drivers/ssh/connection';
import { isDirectoryPath, MAX_UPLOAD, upload } from '../../drivers/ssh/upload';
import { startTestHost, type TestHost } from './fixture';
import { expectFailure } from './support';

let host: TestHost;
let connection: SshConnection;
beforeAll(async () => {
  host = await startTestHost(3);
  connection = await connect(host.target);
});
afterAll(async () => {
  await connection.close();
  await host.stop();
});

describe('uploading', () => {
  test('replaces a file in one go, with its content and mode', async () => {
    const directory = host.path('up');
    const path = `${directory}/file`;
    const large = randomBytes(1_000_000);
    await upload(connection, directory, [{ path, content: 'first', mode: 0o600 }]);
    const reader = readFileSync(path, 'utf8');
    const inode = statSync(path).ino;
    await upload(connection, directory, [
      { path, content: large, mode: 0o640 },
      { path: `${directory}/empty`, content: '', mode: 0o600 },
    ]);
    expect(reader).toBe('first');
    expect(readFileSync(path).equals(large)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    // Another file in its place: nobody saw half of it.
    expect(statSync(path).ino).not.toBe(inode);
    expect(readdirSync(directory).sort()).toEqual(['empty', 'file']);
  });

  test('follows no symbolic link', async () => {
    const directory = host.path('links');
    mkdirSync(directory);
    writeFileSync(host.path('victim'), 'untouched');
    symlinkSync(host.path('victim'), `${directory}/file`);
    await upload(connection, directory, [{ path: `${directory}/file`, content: 'x', mode: 0o600 }]);
    expect(host.read('victim')).toBe('untouched');
    expect(host.read('links/file')).toBe('x');
    symlinkSync(host.directory, host.path('away'));
    const away = [{ path: `${host.path('away')}/file`, content: 'x', mode: 0o600 }];
    await expectFailure(upload(connection, host.path('away'), away), 'FORBIDDEN');
    expect(readdirSync(host.directory)).not.toContain('file');
  });

  test('leaves nothing behind where it cannot', async () => {
    mkdirSync(host.path('taken/file'), { recursive: true });
    const taken = [{ path: host.path('taken/file'), content: 'x', mode: 0o600 }];
    const failure = await expectFailure(upload(connection, host.path('taken'), taken), 'SSH_UNREACHABLE');
    expect(failure.retryable).toBe(false);
    expect(readdirSync(host.path('taken'))).toEqual(['file']);
  });

  test('takes no path that is not plain or not in the directory, and no huge file', async () => {
    const directory = host.path('plain');
    for (const name of ['../up/x', '..', '.', '', 'a/b', 'a b', "'; touch x #", '$(id)', 'a\nb', 'a\0b', '-rf', 'é'])
      await expectFailure(
        upload(connection, directory, [{ path: `${directory}/${name}`, content: 'x', mode: 0o600 }]),
        'INVALID_INPUT',
      );
    await expectFailure(
      upload(connection, directory, [{ path: '/etc/x', content: 'x', mode: 0o600 }]),
      'INVALID_INPUT',
    );
    const huge = [{ path: `${directory}/x`, content: Buffer.alloc(MAX_UPLOAD + 1), mode: 0o600 }];
    await expectFailure(upload(connection, directory, huge), 'INVALID_INPUT');
    expect(readdirSync(host.root)).not.toContain('plain');
    for (const path of ['', 'a', '/', '/a/', '//a', '/a/../b', '/.', '/a\nb', '/a\0', '/\u202ea'])
      expect([path, isDirectoryPath(path)]).toEqual([path, false]);
    for (const path of ['/var/lib/gatewright', '/home/jo doe/.gatewright', "/it's"])
      expect([path, isDirectoryPath(path)]).toEqual([path, true]);
  });

  test('is given up when it is cancelled', async () => {
    const controller = new AbortController();
    const files = [{ path: host.path('late/x'), content: randomBytes(4_000_000), mode: 0o600 }];
    const running = upload(connection, host.path('late'), files, controller.signal);
    controller.abort(new Error('cancelled by a person'));
    await expect(running).rejects.toThrow('cancelled by a person');
  });
});
