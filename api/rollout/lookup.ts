import type { DatabaseRecord } from '../../domain/deploy/database';
import type { DeployOperation, DeployRequest } from '../../domain/deploy/request';
import { Failure } from '../../domain/failures';
import { isUuid } from '../../domain/organization';
import type { ApplyOperation, ApplyRecord } from '../../domain/rollout/apply';
import { readApplyOperation } from '../../domain/rollout/apply-row';
import type { Override } from '../../domain/rollout/gates';
import type { Caller } from '../access';
import type { Deps } from '../deps';

/** Whose database an address names. */
export interface Place {
  readonly org: string;
  readonly db: string;
}

/** A row of an operation that nobody can read. */
export interface Unreadable {
  readonly id: string;
  readonly unreadable: string;
}

/** Everything that is told of an apply. */
export interface ApplyShown {
  readonly database: DatabaseRecord;
  readonly request: DeployRequest;
  readonly apply: ApplyRecord;
  /** In the order of the rollout; what cannot be read comes last. */
  readonly rows: readonly (ApplyOperation | Unreadable)[];
  readonly overrides: readonly Override[];
}

export interface ApplyFound {
  readonly database: DatabaseRecord;
  readonly apply: ApplyRecord;
}

/** Finds what an address names, within its organization and database; whatever is not there is Failure NOT_FOUND. */
export class RolloutLookup {
  constructor(private readonly deps: Pick<Deps, 'store'>) {}

  async database(caller: Caller, { org, db }: Place): Promise<DatabaseRecord> {
    caller.mustSee(org);
    return found(await this.deps.store.deploys.databases.named(org, db), 'There is no such database.');
  }

  /** @param key the apply's id, or its number */
  async apply(caller: Caller, place: Place, key: string): Promise<ApplyFound> {
    const { deploys, rollouts } = this.deps.store;
    const database = await this.database(caller, place);
    const { id: databaseId, organizationId } = database;
    const id = isUuid(key) ? key : (await deploys.requests.get(organizationId, databaseId, Number(key)))?.id;
    const apply = id === undefined ? null : await rollouts.applies.get(organizationId, id);
    // The id of an apply of another database is as unknown here as any other.
    return { database, apply: found(apply?.databaseId === databaseId ? apply : null, 'There is no such rollout.') };
  }

  async shown({ database, apply }: ApplyFound): Promise<ApplyShown> {
    const { deploys, rollouts } = this.deps.store;
    const { organizationId, id } = apply;
    const [request, rows, overrides] = await Promise.all([
      deploys.requests.byId(organizationId, id),
      this.rows(apply),
      rollouts.applies.overrides(organizationId, id),
    ]);
    return { database, apply, request: found(request, 'There is no such deploy request.'), rows, overrides };
  }

  /** It as it is now, with all that is told of it. */
  async again({ database, apply }: ApplyFound): Promise<ApplyShown> {
    const now = await this.deps.store.rollouts.applies.get(apply.organizationId, apply.id);
    return await this.shown({ database, apply: found(now, 'There is no such rollout.') });
  }

  async rows({ organizationId, id }: ApplyRecord): Promise<(ApplyOperation | Unreadable)[]> {
    const rows = await this.deps.store.rollouts.applies.rows(organizationId, id);
    const read = rows.map((row, i) => {
      const operation = readApplyOperation(row, id);
      return typeof operation === 'string' ? { id: idOf(row, i), unreadable: operation } : operation;
    });
    return [...readable(read), ...read.filter(isUnreadable)];
  }

  /** The shares of tables in the operations of an apply, by operation. */
  async tasks({ organizationId, id }: ApplyRecord): Promise<ReadonlyMap<string, readonly DeployOperation[]>> {
    const tasks = new Map<string, DeployOperation[]>();
    for (const task of await this.deps.store.rollouts.applies.tasks(organizationId, id)) {
      const those = tasks.get(task.requestId);
      if (those) those.push(task);
      else tasks.set(task.requestId, [task]);
    }
    return tasks;
  }
}

export function isUnreadable(row: ApplyOperation | Unreadable): row is Unreadable {
  return 'unreadable' in row;
}

/** Those that can be read, in the order of the rollout. */
export function readable(rows: readonly (ApplyOperation | Unreadable)[]): ApplyOperation[] {
  return rows
    .filter((row): row is ApplyOperation => !isUnreadable(row))
    .sort((one, other) => one.position - other.position);
}

function idOf(row: unknown, index: number): string {
  const id = (row as { readonly id?: unknown } | null)?.id;
  return typeof id === 'string' && id !== '' ? id : `row ${index + 1}`;
}

function found<T>(thing: T | null, otherwise: string): T {
  if (thing === null) throw new Failure('NOT_FOUND', otherwise);
  return thing;
}
