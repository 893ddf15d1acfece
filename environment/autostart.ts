import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';

/** Debian asks this program before it starts a service that was just installed; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d';
const MARK = '# Placed by Gatewright for the time of an installation.';

/**
 * Runs `install` while newly installed services may not start, then puts the administrator's own policy back, also the
 * one that a killed run left aside.
 * @param policy another place than Debian's, for tests.
 */
export async function withoutAutostart<T>(install: () => Promise<T>, policy = POLICY): Promise<T> {
  const aside = `${policy}.before-gatewright`;
  const present = await readFile(policy, 'utf8').catch(() => undefined);
  if (present !== undefined && !present.includes(MARK)) await rename(policy, aside);
  await writeFile(policy, `#!/bin/sh\n${MARK}\nexit 101\n`);
  await chmod(policy, 0o755);
  try {
    return await install();
  } finally {
    await rename(aside, policy).catch(async () => await rm(policy, { force: true }));
  }
}
