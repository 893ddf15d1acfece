import type { DatabaseRecord } from '../../domain/deploy/database';
import type { DeployOperation, DeployRequest } from '../../domain/deploy/request';
import type { DeploymentRecord } from '../../domain/rollout/apply';
import type { ApplyNow } from '../../domain/rollout/contract';
import { applyNowOf } from '../../domain/rollout/now';
import { isSettled } from '../../domain/rollout/states';
import type { Store } from '../../prisma/store';
import { readable, RolloutLookup } from '../rollout/lookup';
import { ONLY_SHARD, type Shard } from './views/operation';
import { derivedId } from './views/shared';

/** Where requests go, and where they stand there. */
export interface ShardsShown {
  readonly shards: readonly Shard[];
  readonly standing: ApplyNow | null;
}

/** The deployments of a database as PlanetScale's clients know them: shards of its one keyspace. */
export class Shards {
  private constructor(
    private readonly store: Store,
    private readonly database: DatabaseRecord,
    private readonly deployments: readonly DeploymentRecord[],
    private readonly hasApplies: boolean,
  ) {}

  static async of(store: Store, database: DatabaseRecord): Promise<Shards> {
    const { organizationId, id } = database;
    const [deployments, { total }] = await Promise.all([
      store.rollouts.deployments.list(organizationId, id),
      store.rollouts.applies.list(organizationId, id, { page: 1, perPage: 1 }),
    ]);
    return new Shards(store, database, deployments, total > 0);
  }

  /** @param own what the request itself would do, and does where it goes to one deployment alone */
  async shown(request: DeployRequest, own: readonly DeployOperation[]): Promise<ShardsShown> {
    const apply = this.hasApplies ? await this.store.rollouts.applies.get(request.organizationId, request.id) : null;
    if (!apply) return { shards: this.planned(request, own), standing: null };
    const lookup = new RolloutLookup({ store: this.store });
    const [rows, tasks] = await Promise.all([lookup.rows(apply), lookup.tasks(apply)]);
    const operations = readable(rows);
    const shards = operations.map(({ id, deployment }) => ({ name: deployment, operations: tasks.get(id) ?? [] }));
    return { shards, standing: isSettled(apply.state) ? null : applyNowOf(apply, operations) };
  }

  /** Before it is deployed, the same is to be done everywhere. */
  private planned(request: DeployRequest, own: readonly DeployOperation[]): Shard[] {
    const { intoBranch, intoBranchId, deployedAt, deployment } = request;
    const alone = [{ name: ONLY_SHARD, operations: own }];
    const isOver = deployedAt !== null && deployment.state !== 'queued' && deployment.state !== 'submitting';
    if (isOver || this.deployments.length < 2 || intoBranch !== this.database.defaultBranch) return alone;
    return this.deployments.map(({ id, name }) => ({
      name,
      operations:
        id === intoBranchId ? own : own.map((operation) => ({ ...operation, id: derivedId(operation.id, id) })),
    }));
  }
}
