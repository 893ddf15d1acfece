import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ComponentFailed } from './process';
import { cacheDirectory } from './temporal-binary';

/** The releases of dstack whose command lines the tests run: the newest one, and the last with the older models. */
export const dstackVersions = ['0.22.5', '0.20.28'] as const;
export type DstackVersion = (typeof dstackVersions)[number];

const INSTALL_TIMEOUT_MS = 400_000;

/**
 * The Python that has dstack's unmodified command line (`-m dstack._internal.cli.main`), installed from PyPI into our
 * cache when it is not there.
 * @param say is told what is being done.
 * @throws ComponentFailed when it cannot be had.
 */
export async function ensureDstack(version: DstackVersion, say: (text: string) => void): Promise<string> {
  const directory = join(cacheDirectory(), `dstack-${version}`);
  const python = join(directory, 'bin', 'python');
  if (existsSync(python)) return python;
  say(`installing dstack's command line ${version} (PyPI; once) ...`);
  mkdirSync(cacheDirectory(), { recursive: true });
  // Under another name until it is whole; `python -m` does not mind being moved.
  const draft = join(cacheDirectory(), `dstack-${randomUUID()}.part`);
  const options = { timeout: INSTALL_TIMEOUT_MS, maxBuffer: 16 * 2 ** 20 };
  try {
    await promisify(execFile)('python3', ['-m', 'venv', draft], options);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `dstack==${version}`];
    await promisify(execFile)(join(draft, 'bin', 'python'), pip, options);
    renameSync(draft, directory);
  } catch (error) {
    // Another process may have been faster.
    if (existsSync(python)) return python;
    throw new ComponentFailed(`dstack ${version} cannot be installed: ${(error as Error).message}`);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return python;
}
