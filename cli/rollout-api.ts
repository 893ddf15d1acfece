import { setTimeout as sleep } from 'node:timers/promises';
import type { DeployApi } from './deploy-api';
import { isNotFound } from './fleet-api';
import type { ApplyJson, RolloutNow, RowJson } from './rollout-shapes';

/** The API's largest page. */
const PAGE = '100';
/** Milliseconds between two looks at a request whose rollout has not begun. */
const LOOK_MS = 300;

/** The rollouts of one database, over the API. */
export class RolloutApi {
  constructor(
    readonly deploys: DeployApi,
    readonly database: string,
  ) {}

  get client(): DeployApi['client'] {
    return this.deploys.client;
  }

  /** The path of something of a rollout; without any part, that of all of them. */
  path(...parts: readonly (string | number)[]): string {
    return this.deploys.path(this.database, 'applies', ...parts);
  }

  /** A rollout by its number, or that of the newest open deploy request of a branch. @throws CliProblem NOT_FOUND, saying what to do. */
  async named(which: string): Promise<ApplyJson> {
    const title = `There is no rollout ${which} of a database ${this.database}`;
    const number = /^\d+$/.test(which) ? Number(which) : (await this.deploys.requestNamed(this.database, which)).number;
    return await this.deploys.found(title, `gatewright rollout list ${this.database}`, () =>
      this.client.get<ApplyJson>(this.path(number)),
    );
  }

  /**
   * The same, waiting for that of a request whose deploy was accepted a moment ago, or waits for its turn.
   * @param onWait is told once that it waits
   */
  async begun(which: string, onWait: (number: number) => void): Promise<ApplyJson> {
    for (let told = false; ; told = true) {
      try {
        return await this.named(which);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const { number, deployment_state: state } = await this.deploys.requestNamed(this.database, which);
        if (state !== 'queued' && state !== 'submitting') throw error;
        if (!told) onWait(number);
      }
      await sleep(LOOK_MS);
    }
  }

  /** As much of the list as is wanted, newest first. */
  async list(query: Readonly<Record<string, string | undefined>>, most: number): Promise<ApplyJson[]> {
    const found: ApplyJson[] = [];
    for (let token: string | undefined; found.length < most;) {
      const page = await this.client.get<{ applies: ApplyJson[]; next_page_token: string | null }>(this.path(), {
        ...query,
        page_size: PAGE,
        page_token: token,
      });
      found.push(...page.applies);
      if (page.next_page_token === null) break;
      token = page.next_page_token;
    }
    return found.slice(0, most);
  }

  /** A rollout with its deployments as they are now. */
  async now(number: number): Promise<RolloutNow> {
    const [apply, { operations }] = await Promise.all([
      this.client.get<ApplyJson>(this.path(number)),
      this.client.get<{ operations: RowJson[] }>(this.path(number, 'operations')),
    ]);
    return { apply, operations };
  }
}
