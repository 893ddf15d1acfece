import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_MS, type Client } from './client';
import type { BranchJson, DatabaseJson, DeployRequestJson, PageJson } from './deploy-shapes';
import { Exit } from './exit';
import { fleetApi, isNotFound, type FleetOptions } from './fleet-api';
import type { Io } from './io';
import { CliProblem, usage } from './problem';

/** What every command about an organization's databases is told. */
export type DeployOptions = FleetOptions;

/** The API's largest page. */
const PAGE = '100';
/** Milliseconds between two looks at something that is being made. */
const LOOK_MS = 300;

/** The databases of one organization, over the API. */
export class DeployApi {
  constructor(
    readonly client: Client,
    private readonly organizationPath: string,
  ) {}

  /** The path of a database, or of something in it; every part is escaped. Without any, that of all databases. */
  path(...parts: readonly (string | number)[]): string {
    return [this.organizationPath, 'databases', ...parts.map((part) => encodeURIComponent(part))].join('/');
  }

  request(database: string, number: number, ...parts: readonly string[]): string {
    return this.path(database, 'deploy-requests', number, ...parts);
  }

  branch(database: string, name: string, ...parts: readonly string[]): string {
    return this.path(database, 'branches', name, ...parts);
  }

  /** Everything in a list, page after page, or as much of it as is wanted. */
  async all<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}, most = Infinity): Promise<T[]> {
    const found: T[] = [];
    for (let page: number | null = 1; page !== null && found.length < most;) {
      const answer: PageJson<T> = await this.client.get(path, { ...query, page: String(page), per_page: PAGE });
      found.push(...answer.data);
      page = answer.next_page;
    }
    return found.slice(0, most);
  }

  /** @throws CliProblem NOT_FOUND, saying what to do. */
  async found<T>(title: string, hint: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new CliProblem({ ...(error as CliProblem).document, title, detail: '' }, [hint]);
    }
  }

  async database(name: string): Promise<DatabaseJson> {
    return await this.found(`There is no database ${name}`, 'gatewright database list', () =>
      this.client.get<DatabaseJson>(this.path(name)),
    );
  }

  /** A branch, of a database that is there. */
  async branchNamed(database: string, name: string): Promise<BranchJson> {
    return await this.found(
      `There is no branch ${name} of a database ${database}`,
      `gatewright branch list ${database}`,
      () => this.client.get<BranchJson>(this.branch(database, name)),
    );
  }

  /** A request by its number, or the newest open one of a branch. @throws CliProblem NOT_FOUND, saying what to do. */
  async requestNamed(database: string, which: string): Promise<DeployRequestJson> {
    const title = `There is no deploy request ${which} of a database ${database}`;
    const hint = `gatewright deploy list ${database}`;
    return await this.found(title, hint, async () => {
      if (/^\d+$/.test(which)) return await this.client.get<DeployRequestJson>(this.request(database, Number(which)));
      const query = { branch: which, state: 'open' };
      const [newest] = await this.all<DeployRequestJson>(this.path(database, 'deploy-requests'), query, 1);
      if (newest) return newest;
      throw new CliProblem({ title, code: 'NOT_FOUND' }, [hint]);
    });
  }

  /** Removes something, and waits until it is gone. */
  async remove(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<void> {
    await this.client.delete(path, { query, timeoutMs: RUN_MS });
  }

  /**
   * Waits until something is made.
   * @param what it is, as in `Database shop`.
   * @throws CliProblem where that failed; with {@link Exit.interrupted} after Ctrl-C, which leaves it alone.
   */
  async ready<T extends { readonly resource_state: string }>(io: Io, what: string, look: () => Promise<T>): Promise<T> {
    const left = io.interrupted();
    for (;;) {
      const now = await look();
      if (now.resource_state === 'ready') return now;
      if (now.resource_state !== 'pending')
        throw new CliProblem({ title: `${what} could not be made`, code: 'NOT_MADE', state: now.resource_state }, [
          'gatewright runs --state rolled_back      to see why',
        ]);
      await sleep(LOOK_MS, undefined, { signal: left }).catch(() => undefined);
      if (left.aborted)
        throw new CliProblem(
          { title: 'Not waited for any longer; it goes on', code: 'INTERRUPTED' },
          [],
          Exit.interrupted,
        );
    }
  }
}

/** The API, and whose databases are meant. @throws CliProblem saying what is missing. */
export function deployApi(io: Io, options: DeployOptions): DeployApi {
  const api = fleetApi(io, options, 'databases');
  return new DeployApi(api.client, api.path());
}

/** Reads a ratio of rest: `0.3` or `30%`. @throws CliProblem (usage) */
export function ratioOf(text: string): number {
  const [, number, percent] = /^(\d{1,3}(?:\.\d{1,4})?)(%?)$/.exec(text) ?? [];
  const ratio = number === undefined ? NaN : Number(number) / (percent ? 100 : 1);
  if (ratio >= 0 && ratio <= 0.95) return ratio;
  throw usage(`not a throttle: ${text}`, '0 for full speed, up to 0.95 (or 95%) for the share of time that it rests');
}
