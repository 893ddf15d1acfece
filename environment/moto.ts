import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Component, ComponentFailed } from './process';
import { cacheDirectory } from './temporal-binary';

const VERSION = '5.2.5';
/** Its `server` extra brings in everything moto knows of, 300 MB; EC2 needs these two. */
const REQUIREMENTS = [`moto==${VERSION}`, 'flask==3.1.3', 'flask-cors==6.0.5'];
const INSTALL_TIMEOUT_MS = 240_000;

/** How a moto server is run. */
export interface MotoOptions {
  readonly port: number;
  readonly logFile: string;
}

/**
 * The Python that has moto, an emulator of AWS, installed from PyPI into our cache when it is not there.
 * @param say is told what is being done.
 * @throws ComponentFailed when it cannot be had.
 */
export async function ensureMoto(say: (text: string) => void): Promise<string> {
  const directory = join(cacheDirectory(), `moto-${VERSION}`);
  const python = join(directory, 'bin', 'python');
  if (existsSync(python)) return python;
  say(`installing moto ${VERSION} (PyPI; once) ...`);
  mkdirSync(cacheDirectory(), { recursive: true });
  // Under another name until it is whole; `python -m` does not mind being moved.
  const draft = join(cacheDirectory(), `moto-${randomUUID()}.part`);
  const options = { timeout: INSTALL_TIMEOUT_MS, maxBuffer: 16 * 2 ** 20 };
  try {
    await promisify(execFile)('python3', ['-m', 'venv', draft], options);
    await promisify(execFile)(
      join(draft, 'bin', 'python'),
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...REQUIREMENTS],
      options,
    );
    renameSync(draft, directory);
  } catch (error) {
    // Another process may have been faster.
    if (existsSync(python)) return python;
    throw new ComponentFailed(`moto cannot be installed: ${(error as Error).message}`);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return python;
}

/**
 * Starts a moto server on loopback. It keeps everything in memory, takes any credentials, and ignores client tokens.
 * @throws ComponentFailed
 */
export async function startMoto(options: MotoOptions): Promise<Component> {
  const python = await ensureMoto(() => undefined);
  return await Component.start({
    name: 'moto',
    command: python,
    args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(options.port)],
    logFile: options.logFile,
    readyTimeoutMs: 60_000,
    probe: async () => {
      const answer = await fetch(`http://127.0.0.1:${options.port}/moto-api/data.json`, {
        signal: AbortSignal.timeout(2_000),
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    },
  });
}
