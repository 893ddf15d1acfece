import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { aptMirror } from '../../environment/apt-mirror';

let root: string;
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gw-apt-'));
  write('etc/os-release', 'ID=debian\nVERSION_CODENAME=bookworm\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('sources in both forms are read, those of others left out', () => {
  write(
    'etc/apt/sources.list.d/debian.sources',
    [
      'Types: deb deb-src\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates',
      'Components: main\nSigned-By: /usr/share/keyrings/k.gpg\n\nTypes: deb\nURIs: http://mirror.example/security',
      'Suites: bookworm-security\nComponents: main\n\nTypes: deb\nEnabled: no\nURIs: http://off.example',
      'Suites: bookworm\nComponents: main\n\nTypes: deb-src\nURIs: http://source.example\nSuites: bookworm',
      'Components: main\n',
    ].join('\n'),
  );
  write(
    'etc/apt/sources.list.d/other.sources',
    'Types: deb\nURIs: http://o.example\nSuites: nodistro\nComponents: main\n',
  );
  write(
    'etc/apt/sources.list',
    '# deb http://commented.example bookworm main\ndeb [arch=amd64] http://one.example bookworm main contrib # x\n',
  );
  write('etc/apt/sources.list.d/off.list.disabled', 'deb http://disabled.example bookworm main\n');
  expect(aptMirror(root)).toEqual({
    codename: 'bookworm',
    lines: [
      'deb [arch=amd64] http://one.example bookworm main contrib',
      'deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm main',
      'deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm-updates main',
      'deb http://mirror.example/security bookworm-security main',
    ],
  });
});

test('a machine that names no sources of its own release is told so', () => {
  write('etc/apt/sources.list', 'deb http://one.example trixie main\n');
  expect(() => aptMirror(root)).toThrow(/do not name bookworm/);
  rmSync(join(root, 'etc/os-release'));
  expect(() => aptMirror(root)).toThrow(/os-release/);
});
