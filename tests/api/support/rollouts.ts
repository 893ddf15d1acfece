import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import type { DeployRequest } from '../../../domain/deploy/request';
import { defaultRolloutSettings, type DeploymentRecord, type RolloutSettings } from '../../../domain/rollout/apply';
import type { OperationMoveName } from '../../../domain/rollout/moves';
import type { OperationKey } from '../../../prisma/apply-store';
import type { Reply, TestApi } from './api';
import { operation } from './fake-deploys';
import { Planetscale } from './planetscale';

/** An operation of a test's apply. */
export interface TestOperation {
  readonly id: string;
  readonly deployment: string;
}

/** A database of an organization of its own with three deployments, `main`, `eu-1` and `us-1`. */
export class RolloutWorld {
  private constructor(
    readonly ps: Planetscale,
    readonly api: TestApi,
    readonly databaseId: string,
    readonly deployments: readonly DeploymentRecord[],
  ) {}

  static async of(api: TestApi, own?: Planetscale): Promise<RolloutWorld> {
    const ps = own ?? (await Planetscale.of(api));
    const { organizationId, id: databaseId } = await ps.database();
    const { deployments } = api.store.rollouts;
    for (const name of ['eu-1', 'us-1'])
      await deployments.add({
        ...{ id: randomUUID(), organizationId, databaseId, name, environment: 'production' },
        ...{ server: `mariadb-${name}`, schema: 'shop' },
      });
    return new RolloutWorld(ps, api, databaseId, await deployments.list(organizationId, databaseId));
  }

  get organizationId(): string {
    return this.ps.organizationId;
  }

  /** A call of ours below the database; as the organization's `operate` unless told. */
  call(method: string, path: string, body?: unknown, token = this.ps.tokens.operate, headers = {}): Promise<Reply> {
    const all = { authorization: token, ...headers };
    return this.api.call(method, `/v1${this.ps.at(path)}`, { body, token: null, headers: all });
  }

  get(path: string): Promise<Reply> {
    return this.call('GET', path, undefined, this.ps.tokens.read);
  }

  /** A request that is under way over all deployments; nothing has begun yet. */
  async apply(settings: Partial<RolloutSettings> = {}): Promise<TestApply> {
    const request = await this.ps.request('submitting');
    const { applies } = this.api.store.rollouts;
    const { organizationId, databaseId } = this;
    const all = { ...defaultRolloutSettings, ...settings };
    const operations = this.deployments.map(({ id: deploymentId, name: deployment, ...rest }, position) => ({
      ...{ id: randomUUID(), deploymentId, deployment, position, onFailure: all.onFailure },
      ...{ environment: rest.environment, server: rest.server, schema: rest.schema },
    }));
    const { id, number } = request;
    await applies.create({ id, organizationId, databaseId, number, settings: all }, operations);
    for (const each of operations)
      await this.api.store.deploys.requests.setPlan(organizationId, each.id, '{}', [operation()]);
    return new TestApply(this, request, operations);
  }
}

/** An apply over the deployments of a {@link RolloutWorld}. */
export class TestApply {
  readonly id: string;
  private keys: readonly OperationKey[] = [];

  constructor(
    readonly world: RolloutWorld,
    readonly request: DeployRequest,
    readonly operations: readonly TestOperation[],
  ) {
    this.id = request.id;
  }

  get path(): string {
    return `/applies/${this.id}`;
  }

  get(path = ''): Promise<Reply> {
    return this.world.get(`${this.path}${path}`);
  }

  post(verb: string, body?: unknown, token?: string, headers?: Record<string, string>): Promise<Reply> {
    return this.world.call('POST', `${this.path}/${verb}`, body, token, headers);
  }

  /** Moves one of its operations along, as a workflow of its own does. */
  async move(position: number, ...moves: readonly OperationMoveName[]): Promise<void> {
    const { applies } = this.world.api.store.rollouts;
    const { organizationId } = this.world;
    const { id } = this.operations[position]!;
    if (!this.keys.some(({ operationId }) => operationId === id)) {
      const decided = { claim: [id], want: {}, moves: [], waits: {}, revertWindowEndsAt: null, over: [] };
      const { claimed } = await applies.decide(organizationId, this.id, () => decided);
      this.keys = [...this.keys, ...claimed];
    }
    const key = this.keys.find(({ operationId }) => operationId === id)!;
    for (const move of moves) await applies.move(key, move, move === 'fail' ? { error: 'disk full' } : {});
  }

  /** Writes a word into the row of an operation that nobody knows as a state. */
  async spoil(position: number, state = 'x'): Promise<void> {
    const client = createClient({ url: `file:${join(this.world.api.directory, 'store.db')}` });
    const { id } = this.operations[position]!;
    await client.execute({ sql: 'UPDATE apply_operation SET state = ? WHERE id = ?', args: [state, id] });
    client.close();
  }
}

/** Everything that an operation goes through until it can be reverted. */
export const untilLive = ['begin', 'catchUp', 'compare', 'proved', 'park', 'cutOver', 'open'] as const;
