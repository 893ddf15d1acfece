import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../domain/failures';
import { generationNumber, renderGeneration, renderMain, type RouteLine } from './config';

/** How many generations stay on disk for a person to look at, the live one included. */
const KEPT_GENERATIONS = 5;

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * The files below an edge's directory:
 *
 *     nginx.conf                    the constant main file
 *     generations/<n>/edge.conf     one complete generation
 *     generations/<n>/candidate.conf  the main file it is tested with
 *     live -> generations/<n>       the generation nginx reads
 *     run/ logs/ tmp/               nginx's own
 *
 * Every path is made of constants and numbers; a symbolic link where a directory belongs is refused, not followed.
 */
export class EdgeFiles {
  constructor(
    private readonly directory: string,
    private readonly httpAddress: string,
  ) {}

  /**
   * Makes what nginx needs to start: directories (0750), the main file, and generation 0, which has no hosts, where no
   * usable live generation is. Repeating it changes nothing.
   * @throws Failure EDGE_CONFIG_REFUSED where something else stands in a directory's place.
   */
  async prepare(): Promise<void> {
    await this.ensure();
    const live = await this.live();
    if (live !== undefined && (await this.written(live))) return;
    if (!(await this.written(0))) await this.write(0, []);
    await this.sync(0);
    await this.link(0);
  }

  /** The number of the generation that `live` points to; undefined where there is no such link. */
  async live(): Promise<number | undefined> {
    const target = await readlink(join(this.directory, 'live')).catch(() => '');
    const match = /^generations\/(0|[1-9][0-9]{0,15})$/.exec(target);
    return match ? Number(match[1]) : undefined;
  }

  /** Whether the live generation and the main file are there and the main file is the one this version renders. */
  async intact(): Promise<boolean> {
    const live = await this.live();
    const main = await readFile(join(this.directory, 'nginx.conf'), 'utf8').catch(() => undefined);
    return live !== undefined && (await this.written(live)) && main === renderMain(this.httpAddress, 'live');
  }

  /** Writes a generation completely, in place of one of that number that never became live. */
  async write(generation: number, lines: Iterable<RouteLine>): Promise<void> {
    const text = renderGeneration(generation, lines);
    await this.ensure();
    const directory = this.path(generation);
    await makeDirectory(directory, true);
    await writeNew(join(directory, 'edge.conf'), text);
    await writeNew(join(directory, 'candidate.conf'), renderMain(this.httpAddress, 'candidate'));
  }

  /** Waits until a written generation is on the disk. */
  async sync(generation: number): Promise<void> {
    const directory = this.path(generation);
    await sync(join(directory, 'edge.conf'));
    await sync(directory);
    await sync(join(this.directory, 'generations'));
  }

  /**
   * Makes a written generation the one that nginx reads next.
   * @throws Failure EDGE_FENCED when a higher one already is: its publisher has taken over.
   */
  async flip(generation: number): Promise<void> {
    if (!(await this.written(generation))) {
      throw new Failure('EDGE_CONFIG_REFUSED', `generation ${generation} is not on disk`);
    }
    const live = await this.live();
    if (live !== undefined && live > generation) {
      throw new Failure('EDGE_FENCED', `generation ${live} is live, ${generation} came too late`);
    }
    await this.link(generation);
  }

  /**
   * Goes back to the generation before, for the publisher of a generation that did not become live.
   * @throws Failure EDGE_FENCED when another generation has taken its place already.
   */
  async flipBack(generation: number, previous: number): Promise<void> {
    const live = await this.live();
    if (live !== generation) throw new Failure('EDGE_FENCED', `generation ${live} has replaced ${generation}`);
    await this.link(previous);
  }

  /** Removes all but the newest generations up to the live one; those above it may be another publisher's. */
  async prune(): Promise<void> {
    const live = await this.live();
    if (live === undefined) return;
    const entries = await readdir(join(this.directory, 'generations'));
    const numbers = entries.filter((entry) => /^(0|[1-9][0-9]{0,15})$/.test(entry)).map(Number);
    const past = numbers.filter((number) => number < live).sort((a, b) => b - a);
    for (const number of past.slice(KEPT_GENERATIONS - 1))
      await rm(this.path(number), { recursive: true, force: true });
  }

  /** The size of nginx's error log, to be given to {@link errorsSince} after something went wrong. */
  async errorLogSize(): Promise<number> {
    return (await stats(join(this.directory, 'logs/error.log')))?.size ?? 0;
  }

  /** The last grave line that nginx has logged since its error log had `size` bytes. */
  async errorsSince(size: number): Promise<string | undefined> {
    const log = await readFile(join(this.directory, 'logs/error.log')).catch(() => Buffer.alloc(0));
    const lines = log.subarray(size).toString('utf8').split('\n');
    const grave = lines.filter((line) => /\[(emerg|alert)\]/.test(line)).at(-1);
    return grave?.slice(grave.indexOf('[')).slice(0, 300);
  }

  /** The directory of a generation. */
  private path(generation: number): string {
    return join(this.directory, 'generations', String(generationNumber(generation)));
  }

  private async written(generation: number): Promise<boolean> {
    return (await stats(join(this.path(generation), 'edge.conf')))?.isFile() ?? false;
  }

  private async ensure(): Promise<void> {
    await mkdir(join(this.directory, '..'), { recursive: true });
    await makeDirectory(this.directory);
    for (const name of ['generations', 'run', 'logs', 'tmp']) await makeDirectory(join(this.directory, name));
    const file = join(this.directory, 'nginx.conf');
    const text = renderMain(this.httpAddress, 'live');
    if ((await stats(file))?.isFile() && (await readFile(file, 'utf8')) === text) return;
    const temporary = this.temporary('nginx.conf');
    await writeNew(temporary, text);
    await sync(temporary);
    await rename(temporary, file);
    await sync(this.directory);
  }

  private async link(generation: number): Promise<void> {
    const temporary = this.temporary('live');
    await symlink(`generations/${generationNumber(generation)}`, temporary);
    try {
      await rename(temporary, join(this.directory, 'live'));
    } catch (cause) {
      await rm(temporary, { force: true });
      throw new Failure('EDGE_CONFIG_REFUSED', `${join(this.directory, 'live')} is not a symbolic link`, { cause });
    }
    await sync(this.directory);
  }

  private temporary(name: string): string {
    return join(this.directory, `.${name}.${process.pid}.${process.hrtime.bigint()}`);
  }
}

async function makeDirectory(path: string, emptied = false): Promise<void> {
  for (;;) {
    try {
      return void (await mkdir(path, { mode: 0o750 }));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (!(await stats(path))?.isDirectory()) {
      throw new Failure('EDGE_CONFIG_REFUSED', `${path} is not a directory; a link there is not followed`);
    }
    if (!emptied) return;
    await rm(path, { recursive: true, force: true });
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, NEW_FILE, 0o640);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

async function sync(path: string): Promise<void> {
  const opened = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** The state of a path itself, links not followed; undefined where nothing is. */
async function stats(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
