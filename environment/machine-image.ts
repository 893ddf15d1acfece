import Docker from 'dockerode';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { archive } from '../drivers/cloud/docker/archive';
import type { EngineAddress } from '../drivers/cloud/docker/docker';
import { aptMirror } from './apt-mirror';
import { endPodman, podmanArgs } from './podman';
import { ComponentFailed } from './process';
import { cacheDirectory } from './temporal-binary';

const recipe = join(__dirname, 'machine-image');
const containerfile = readFileSync(join(recipe, 'Containerfile'), 'utf8');
const packages = readFileSync(join(recipe, 'packages'), 'utf8');
const command = /^CMD .*$/m.exec(containerfile)![0];
const version = createHash('sha256')
  .update(`${process.arch}\n${containerfile}\n${packages}`)
  .digest('hex')
  .slice(0, 12);

/** The name of the machine image that this version of Gatewright is made for. */
export const machineImage = `localhost/gatewright-machine:${version}`;

type Say = (text: string) => void;

/** What an engine tells while it makes an image. */
interface Step {
  readonly status?: string;
  readonly error?: string;
}

/**
 * Makes sure that somebody's engine has the machine image: built from the Containerfile, or where no base image can be
 * pulled, put together from this machine's own Debian mirror.
 * @throws ComponentFailed when it can be had in neither way.
 */
export async function ensureMachineImage(address: EngineAddress, say: Say): Promise<void> {
  const engine = new Docker('host' in address ? { ...address, protocol: 'http' } : address);
  if (await hasImage(engine)) return;
  say('building the image of machines (docker build) ...');
  const problem = await build(engine).catch((error: Error) => error.message.split('\n')[0]);
  if (problem === undefined && (await hasImage(engine))) return;
  const failed = `the machine image cannot be built (${problem ?? 'the engine made no image'})`;
  if (!canBootstrap()) throw new ComponentFailed(`${failed}; build it yourself: see ${join(recipe, 'Containerfile')}`);
  say(`${failed}; putting it together from this machine’s Debian mirror ...`);
  await withRootfs(async (tar) => {
    const steps = await finished(engine, await engine.importImage(createReadStream(tar), { changes: command }));
    const id = steps.find(({ status }) => status?.startsWith('sha256:'))?.status;
    const [repo, tag] = machineImage.split(':') as [string, string];
    // podman does not heed a tag that it is told with the import.
    if (id !== undefined) await engine.getImage(id).tag({ repo, tag });
  });
  if (!(await hasImage(engine))) throw new ComponentFailed(`${failed}, nor imported`);
}

/**
 * A podman store that holds the machine image, made once for all environments of this user.
 * @returns its directory.
 * @throws ComponentFailed when it cannot be made; it needs root, podman and mmdebstrap.
 */
export async function ensureImageStore(say: Say): Promise<string> {
  const directory = join(cacheDirectory(), `machine-image-${version}`);
  if (existsSync(directory)) return directory;
  if (!canBootstrap())
    throw new ComponentFailed('the machine image is made by root with mmdebstrap, on Debian or Ubuntu');
  say('making the image of machines from this machine’s Debian mirror (mmdebstrap; about a minute, once) ...');
  const draft = join(cacheDirectory(), `machine-image-${process.pid}.part`);
  try {
    await withRootfs(async (tar) => {
      await run('podman', [...podmanArgs(draft), 'import', '--quiet', '--change', command, tar, machineImage]);
    });
    await endPodman(draft);
    // Another process may have been as quick: its store is as good.
    if (!existsSync(directory)) renameSync(join(draft, 'store'), directory);
  } finally {
    await endPodman(draft);
    rmSync(draft, { recursive: true, force: true });
  }
  return directory;
}

async function hasImage(engine: Docker): Promise<boolean> {
  return await engine
    .getImage(machineImage)
    .inspect()
    .then(
      () => true,
      (error: { statusCode?: number; message: string }) => {
        if (error.statusCode === 404) return false;
        throw new ComponentFailed(`the container engine does not tell its images: ${error.message}`);
      },
    );
}

async function build(engine: Docker): Promise<undefined> {
  const context = archive([
    { path: 'Containerfile', content: containerfile, mode: 0o644 },
    { path: 'packages', content: packages, mode: 0o644 },
  ]);
  const stream = await engine.buildImage(context as never, { t: machineImage, dockerfile: 'Containerfile' });
  await finished(engine, stream);
}

/** Waits for a stream of progress to end. @throws Error with what the engine says went wrong. */
async function finished(engine: Docker, stream: NodeJS.ReadableStream): Promise<readonly Step[]> {
  const steps = await new Promise<Step[]>((resolve, reject) =>
    engine.modem.followProgress(stream, (error, output: Step[]) => (error ? reject(error) : resolve(output))),
  );
  const problem = steps.find(({ error }) => error !== undefined);
  if (problem) throw new Error(problem.error);
  return steps;
}

function canBootstrap(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/mmdebstrap');
}

/** Makes the machine's file tree as a tar file for as long as `use` takes. */
async function withRootfs(use: (tar: string) => Promise<void>): Promise<void> {
  mkdirSync(cacheDirectory(), { recursive: true });
  const { codename, lines } = aptMirror();
  const work = join(cacheDirectory(), `rootfs-${process.pid}.part`);
  mkdirSync(work, { recursive: true });
  try {
    const [sources, tar] = [join(work, 'sources.list'), join(work, 'rootfs.tar')];
    writeFileSync(sources, `${lines.join('\n')}\n`);
    const args = [
      ...['--quiet', '--variant=apt', `--include=${packages.trim().split(/\s+/).join(',')}`],
      ...['doc', 'man', 'info', 'locale'].map((what) => `--dpkgopt=path-exclude=/usr/share/${what}/*`),
      '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*',
    ];
    await run('mmdebstrap', [...args, codename, tar, sources]);
    await use(tar);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function run(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args, { maxBuffer: 16 * 1024 * 1024 }).catch(
    (error: Error & { stderr?: string }) => {
      const end = (error.stderr ?? '').trimEnd().split('\n').slice(-4).join('\n');
      throw new ComponentFailed(`${program} failed: ${end || error.message}`);
    },
  );
}
