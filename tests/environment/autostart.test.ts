import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withoutAutostart } from '../../environment/autostart';

let directory: string;
let policy: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gw-policy-'));
  policy = join(directory, 'policy-rc.d');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const during = async () =>
  await withoutAutostart(async () => {
    expect(statSync(policy).mode & 0o111).toBe(0o111);
    return await Promise.resolve(readFileSync(policy, 'utf8'));
  }, policy);

test('forbids services to start during an installation, and nothing after it', async () => {
  expect(await during()).toContain('exit 101');
  expect(existsSync(policy)).toBe(false);
});

test('puts the administrator’s policy back, also after a failed installation', async () => {
  writeFileSync(policy, 'exit 0 # mine', { mode: 0o700 });
  expect(await during()).toContain('exit 101');
  const failing = withoutAutostart(async () => await Promise.reject(new Error('no network')), policy);
  await expect(failing).rejects.toThrow('no network');
  expect(readFileSync(policy, 'utf8')).toBe('exit 0 # mine');
});

test('puts back what a killed installation left aside', async () => {
  writeFileSync(policy, 'exit 0 # mine');
  const files = [policy, `${policy}.before-gatewright`];
  const killed = await withoutAutostart(() => Promise.resolve(files.map((file) => readFileSync(file))), policy);
  // As a run that was killed in the middle leaves it.
  files.forEach((file, index) => writeFileSync(file, killed[index]!));
  expect(readFileSync(policy, 'utf8')).toContain('exit 101');
  expect(await during()).toContain('exit 101');
  expect(readFileSync(policy, 'utf8')).toBe('exit 0 # mine');
});
