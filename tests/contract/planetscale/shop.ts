import { eventually } from '../../support/eventually';
import type { Sdk } from './sdk';
import { Account, type Served } from './served';

/** Milliseconds in which anything that is waited for happens, on a busy machine. */
export const SOON_MS = 60_000;

const at = { database: 'shop' };

/** What people do with the database `shop`, by PlanetScale's SDK as far as that knows it. */
export class Shop {
  private readonly sdk: Sdk;
  private branches = 0;

  constructor(private readonly served: Served) {
    this.sdk = served.sdk;
  }

  async account(branch: string, input: object = {}): Promise<Account> {
    return new Account((await this.served.ours('POST', `/shop/branches/${branch}/passwords`, input)).url as string);
  }

  /** A branch of the first one, with statements run by somebody who was given an account of it. */
  async branch(statements: readonly string[]): Promise<string> {
    const branch = `b${++this.branches}`;
    await this.sdk.call('createBranch', { ...at, name: branch, parent_branch: 'main', cluster_size: 'PS_DEV' });
    await eventually(async () => {
      const { ready } = await this.sdk.call('getBranch', { ...at, branch });
      if (ready !== true) throw new Error('the branch is not ready');
    }, SOON_MS);
    await (await this.account(branch)).run(...statements);
    return branch;
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async reaches(number: number, state: string): Promise<any> {
    return await eventually(async () => {
      const shown = await this.sdk.call('getDeployRequest', { ...at, number });
      if (shown.deployment_state !== state)
        throw new Error(`it is ${shown.deployment_state}: ${shown.deployment.deploy_check_errors}`);
      return shown;
    }, SOON_MS);
  }

  /** Opens a request for a change of the shop and waits until its check is over. */
  async open(statements: readonly string[], input: object = {}, state = 'ready'): Promise<number> {
    const branch = await this.branch(statements);
    const { number } = await this.sdk.call('createDeployRequest', { ...at, branch, into_branch: 'main', ...input });
    await this.reaches(number as number, state);
    return number as number;
  }

  async columns(): Promise<string[]> {
    return Object.keys((await (await this.account('main')).run('SELECT * FROM orders LIMIT 1'))[0]!);
  }

  async schemaOf(branch: string): Promise<string> {
    return (await this.served.ours('GET', `/shop/branches/${branch}`)).schema_name as string;
  }
}
