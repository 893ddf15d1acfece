import { readDockerSettings } from '../../drivers/cloud/docker/settings';

const good = {
  engine: { socketPath: '/var/run/docker.sock' },
  image: 'localhost/gatewright-machine:0123456789ab',
  region: 'local',
  addresses: '127.32.0.0/11',
  sshPort: 22022,
};

test('options are read as they are', () => {
  expect(readDockerSettings(good)).toEqual(good);
  const engine = { host: '127.0.0.1', port: 2375 };
  expect(readDockerSettings({ ...good, engine })).toMatchObject({ engine });
});

test.each([
  ['engine', { socketPath: 'docker.sock' }],
  ['engine', { host: '192.0.2.1', port: 2375 }],
  ['engine', {}],
  ['image', '-v /:/host'],
  ['image', 'a b'],
  ['region', 'Local'],
  ['addresses', '127.0.4.0/24'],
  ['addresses', '10.0.0.0/8'],
  ['addresses', '0.0.0.0/0'],
  ['addresses', '127.32.0.0'],
  ['sshPort', 0],
  ['sshPort', '22'],
])('%s: %j is refused', (member, value) => {
  expect(() => readDockerSettings({ ...good, [member]: value })).toThrow(new RegExp(`^ {2}${member}`, 'm'));
});

test('a member that nobody knows, and none at all, are refused', () => {
  expect(() => readDockerSettings({ ...good, privileged: true })).toThrow(/privileged/);
  expect(() => readDockerSettings(undefined)).toThrow(/engine/);
});
