import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ComponentFailed } from './process';

/** Newer releases of the CLI replace modules in their go.mod, which `go install` refuses. */
const GO_VERSION = 'v1.5.1';
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Where programs that we fetched are kept, shared by all clones of a user. */
export function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gatewright');
}

/**
 * Finds the Temporal CLI without fetching anything: `TEMPORAL_CLI`, PATH, our cache.
 * @throws ComponentFailed when `TEMPORAL_CLI` names something that does not run.
 */
export async function findTemporal(): Promise<string | undefined> {
  const named = process.env.TEMPORAL_CLI;
  if (named) {
    if (await runs(named)) return named;
    throw new ComponentFailed(`TEMPORAL_CLI is ${named}, which is not a Temporal CLI that runs here`);
  }
  const onPath = (process.env.PATH ?? '').split(':').map((directory) => join(directory, 'temporal'));
  const cached = existsSync(cacheDirectory())
    ? readdirSync(cacheDirectory())
        .filter((name) => name.startsWith('temporal-') && !name.endsWith('.part'))
        .map((name) => join(cacheDirectory(), name))
    : [];
  for (const candidate of [...onPath, ...cached]) {
    if (executable(candidate) && (await runs(candidate))) return candidate;
  }
  return undefined;
}

/**
 * The path of the Temporal CLI, fetched or built when there is none.
 * @param say is told what is being done.
 * @throws ComponentFailed when it can be had in no way.
 */
export async function ensureTemporal(say: (text: string) => void): Promise<string> {
  const found = await findTemporal();
  if (found !== undefined) return found;
  mkdirSync(cacheDirectory(), { recursive: true });
  say('fetching the Temporal server (the SDK’s download) ...');
  const downloaded = await download().catch((error: Error) => {
    say(`the download failed: ${error.message.split('\n')[0]}`);
    return undefined;
  });
  if (downloaded !== undefined) return downloaded;
  say(`building the Temporal server (go install ${GO_VERSION}; about three minutes, once) ...`);
  return await goInstall().catch((error: Error) => {
    throw new ComponentFailed(
      `there is no Temporal server: not in TEMPORAL_CLI, on PATH or in ${cacheDirectory()}, and it could be neither ` +
        `downloaded nor built (${error.message}). Install the Temporal CLI, or Go and type \`npm start\` again`,
    );
  });
}

/** Lets the SDK download its dev server into our cache, by starting one for a moment. */
async function download(): Promise<string> {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const before = new Set(readdirSync(cacheDirectory()));
  const environment = await Promise.race([
    TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'cached-download', downloadDir: cacheDirectory() } },
    }),
    new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error('it took too long')), DOWNLOAD_TIMEOUT_MS).unref(),
    ),
  ]);
  await environment.teardown();
  const [name] = readdirSync(cacheDirectory()).filter((file) => !before.has(file));
  if (name === undefined) throw new Error('the SDK left no program');
  const path = join(cacheDirectory(), 'temporal-sdk');
  renameSync(join(cacheDirectory(), name), path);
  return path;
}

async function goInstall(): Promise<string> {
  const draft = join(cacheDirectory(), `go-${process.pid}.part`);
  const path = join(cacheDirectory(), `temporal-${GO_VERSION}`);
  try {
    const args = ['install', '-ldflags', '-s -w', `github.com/temporalio/cli/cmd/temporal@${GO_VERSION}`];
    await new Promise<void>((resolve, reject) => {
      const child = spawn('go', args, {
        // GOFLAGS of a surrounding project, as -mod=vendor, would be in the way.
        env: { ...process.env, GOBIN: draft, GOFLAGS: '' },
        stdio: ['ignore', 'ignore', 2],
      });
      child.once('error', (error) => reject(new Error(`go cannot be run: ${error.message}`)));
      child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`go install ended with ${code}`))));
    });
    renameSync(join(draft, 'temporal'), path);
    return path;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function runs(path: string): Promise<boolean> {
  return await promisify(execFile)(path, ['--version'], { timeout: 20_000 }).then(
    ({ stdout }) => stdout.includes('temporal version'),
    () => false,
  );
}
