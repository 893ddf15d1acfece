import type { DatabaseSettings } from '../../../domain/deploy/database';
import type { DeploymentState } from '../../../domain/deploy/states';
import { Served } from '../../contract/planetscale/served';
import { ActivityGate } from './activity-gate';
import { servers, type Served as Server } from './servers';

/** What a call was answered with. */
export interface Answer {
  readonly status: number;
  readonly message?: string;
  readonly number: number;
  readonly state: 'open' | 'closed';
  readonly deployment_state: DeploymentState;
  readonly deployed_at: string | null;
  readonly deployment: { readonly instant_ddl_eligible: boolean; readonly cancelled_actor: object | null };
}

const table = 'CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(80), full_name VARCHAR(80))';
const rows = "INSERT INTO users VALUES (1, 'ada@example.com', 'Ada'), (2, 'bea@example.com', 'Bea')";

/** Gatewright with a MariaDB server, whose activities can be held up. */
export class CaseWorld {
  readonly gate = new ActivityGate();
  private named = 0;

  private constructor(
    private readonly server: Server,
    private served: Served | undefined,
  ) {}

  static async start(): Promise<CaseWorld> {
    const made = new CaseWorld(await servers[0]![1](), undefined);
    made.served = await Served.start(made.server.target, { gates: [() => ({ inbound: made.gate })] });
    return made;
  }

  /** A database with users, whose requests have a place of their own. */
  async database(settings: Partial<DatabaseSettings> = {}): Promise<CaseDatabase> {
    const { world } = this.served!;
    const database = await world.database([table, rows], settings);
    const main = await world.branchNamed(database, 'main');
    await world.store.deploys.branches.update(world.organizationId, database.id, main.id, { state: 'ready' });
    return new CaseDatabase(
      async (statements) => (await world.branch(database, `b${++this.named}`, statements)).name,
      async (method, path, body) => (await this.served!.ours(method, `/${database.name}${path}`, body)) as Answer,
    );
  }

  async close(): Promise<void> {
    await this.served?.close();
    await this.server.stop();
  }
}

/** A database over HTTP. */
export class CaseDatabase {
  constructor(
    /** Makes a branch that statements have changed; gives its name. */
    readonly branch: (statements: readonly string[]) => Promise<string>,
    readonly call: (method: string, path: string, body?: object) => Promise<Answer>,
  ) {}

  /** Opens a request with the changes of a branch of its own. */
  async open(statements: readonly string[], body: object = {}): Promise<CaseRequest> {
    return await this.openOf(await this.branch(statements), body);
  }

  async openOf(branch: string, body: object = {}): Promise<CaseRequest> {
    const opened = await this.call('POST', '/deploy-requests', { branch, into_branch: 'main', ...body });
    expect([opened.status, opened.message]).toEqual([201, undefined]);
    return new CaseRequest(this, opened.number);
  }
}

/** A deploy request over HTTP. */
export class CaseRequest {
  constructor(
    private readonly database: CaseDatabase,
    readonly number: number,
  ) {}

  async act(action: string, body: object = {}): Promise<Answer> {
    return await this.database.call('POST', `/deploy-requests/${this.number}/${action}`, body);
  }

  async close(): Promise<Answer> {
    return await this.database.call('PATCH', `/deploy-requests/${this.number}`, { state: 'closed' });
  }

  async throttle(ratio: number): Promise<void> {
    const path = `/deploy-requests/${this.number}/throttle`;
    expect(await this.database.call('PUT', path, { throttle_ratio: ratio })).toEqual({ status: 'ok' });
  }

  async get(query = ''): Promise<Answer> {
    return await this.database.call('GET', `/deploy-requests/${this.number}${query}`);
  }

  /** Waits until it is in one of the states. */
  async reaches(...states: readonly string[]): Promise<Answer> {
    const shown = await this.get(`?wait=${states.join(',')}`);
    expect(states).toContain(shown.deployment_state);
    return shown;
  }

  /** Does something that is accepted. */
  async does(action: string, body: object = {}): Promise<Answer> {
    const answer = await this.act(action, body);
    expect([answer.status, answer.message]).toEqual([200, undefined]);
    return answer;
  }

  /** Deploys it as soon as it is checked. */
  async deploy(body: object = {}): Promise<Answer> {
    await this.reaches('ready');
    return await this.does('deploy', body);
  }
}
