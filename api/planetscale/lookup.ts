import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import type { DeployRequest } from '../../domain/deploy/request';
import { Failure } from '../../domain/failures';
import type { DatabaseServer } from '../../domain/settings';
import type { Deploys } from '../../prisma/deploy-store';
import type { Deps } from '../deps';
import type { Called } from './call';
import { isName } from './names';
import { Shards } from './shards';
import type { RequestShown } from './views/request';

type Addressed = Pick<Called<unknown, unknown>, 'organizationId' | 'path'>;

export interface BranchFound {
  readonly database: DatabaseRecord;
  readonly branch: BranchRecord;
}

export interface RequestFound {
  readonly database: DatabaseRecord;
  readonly request: DeployRequest;
}

/** Finds what an address names, within its organization and database; whatever is not there is Failure NOT_FOUND. */
export class Lookup {
  constructor(private readonly deps: Pick<Deps, 'store' | 'settings'>) {}

  private get deploys(): Deploys {
    return this.deps.store.deploys;
  }

  async database({ organizationId, path }: Addressed): Promise<DatabaseRecord> {
    const name = path('database');
    return found(isName(name) ? await this.deploys.databases.named(organizationId, name) : null);
  }

  async branch(called: Addressed): Promise<BranchFound> {
    const database = await this.database(called);
    return { database, branch: await this.branchNamed(database, called.path('branch')) };
  }

  async branchNamed({ organizationId, id }: DatabaseRecord, name: string): Promise<BranchRecord> {
    return found(isName(name) ? await this.deploys.branches.named(organizationId, id, name) : null);
  }

  async request(called: Addressed): Promise<RequestFound> {
    const database = await this.database(called);
    const number = called.path('number');
    const known = /^[1-9][0-9]{0,8}$/.test(number);
    const { organizationId, id } = database;
    return {
      database,
      request: found(known ? await this.deploys.requests.get(organizationId, id, Number(number)) : null),
    };
  }

  /** How many deployments are changed by what goes into a branch. */
  async shardsOf({ organizationId, id, defaultBranch }: DatabaseRecord, branch: string): Promise<number> {
    if (branch !== defaultBranch) return 1;
    return Math.max(1, (await this.deps.store.rollouts.deployments.list(organizationId, id)).length);
  }

  /** Everything that is told of requests of one database. */
  async shown(database: DatabaseRecord, requests: readonly DeployRequest[]): Promise<RequestShown[]> {
    const { organizationId, id } = database;
    const { requests: stored, branches } = this.deploys;
    const waits = requests.some(({ deployment }) => deployment.state === 'queued');
    const [inLine, shards] = await Promise.all([
      waits ? stored.inLine(organizationId, id) : [],
      Shards.of(this.deps.store, database),
    ]);
    return await Promise.all(
      requests.map(async (request) => {
        const [branch, operations, reviews] = await Promise.all([
          branches.get(organizationId, id, request.branchId),
          stored.operations(organizationId, request.id),
          stored.reviews(organizationId, request.id),
        ]);
        const { shards: those, standing } = await shards.shown(request, operations);
        return { database, request, branch, reviews, shards: those, standing, preceding: before(request, inLine) };
      }),
    );
  }

  /** The server that a database is on, as far as the settings know it. */
  serverOf({ server, kind }: DatabaseRecord): DatabaseServer | undefined {
    return this.deps.settings.databases?.servers.find((each) => each.secret === server && each.kind === kind);
  }
}

/** Those of a line that are before a request that waits. */
export function before(request: DeployRequest, inLine: readonly DeployRequest[]): DeployRequest[] {
  if (request.deployment.state !== 'queued') return [];
  const same = inLine.filter(({ intoBranchId }) => intoBranchId === request.intoBranchId);
  return same.slice(
    0,
    Math.max(
      0,
      same.findIndex(({ id }) => id === request.id),
    ),
  );
}

function found<T>(thing: T | null): T {
  if (thing === null) throw new Failure('NOT_FOUND');
  return thing;
}

/** @throws Failure STATE_CONFLICT */
export function mustBeReady({ state }: Pick<BranchRecord, 'state'>, what: 'branch' | 'database' = 'branch'): void {
  if (state === 'ready') return;
  throw new Failure('STATE_CONFLICT', `the ${what} is not ready: it is ${state}`, { data: { state } });
}
