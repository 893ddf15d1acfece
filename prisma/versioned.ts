import { Failure, isFailure } from '../domain/failures';
import { backoff, type Client, type Database } from './database';
import { isUniqueViolation } from './failure';
import type { Statements } from './statements';
import type { Condition } from './store';
import { table, type Table } from './table';

/** How often a change that names no version is tried, each time on a fresh read (design: compare-and-swap). */
export const ATTEMPTS = 5;

/**
 * Reads, decides and writes, again from the beginning where somebody else was faster ({@link ATTEMPTS} times at most):
 * for what is more than one row's {@link Versioned.update}.
 * @param action whose CONFLICT says that it was overtaken; it must have written nothing then.
 * @throws whatever `action` throws in its last attempt, and at once what is no CONFLICT.
 */
export async function onFreshReads<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!isFailure(error) || error.code !== 'CONFLICT' || attempt === ATTEMPTS) throw error;
      await backoff(attempt);
    }
  }
}

/** A transaction that a call is part of: one of Prisma's client, or one past it. */
type Within = Client | Statements;

/** Names of the models whose rows have a version. */
type VersionedModel =
  | 'replica'
  | 'allocation'
  | 'route'
  | 'edge'
  | 'lease'
  | 'token'
  | 'idempotencyRecord'
  | 'webhook'
  | 'webhookDelivery'
  | 'gateway'
  | 'gatewayReplica'
  | 'databaseRecord'
  | 'branchRecord'
  | 'deployment';

/** Which model, and what of it never changes. */
export interface VersionedOptions<Row> {
  readonly model: VersionedModel;
  /** What people call a row, as in `token`. */
  readonly what: string;
  /** Members fixed at creation: the key, the organization, the name. */
  readonly identity: readonly (keyof Row & string)[];
}

/**
 * Compare-and-swap on the rows of one model: the one place where a stored row's version is compared and raised. A row
 * begins with version 1, and every write raises it by exactly one.
 */
export class Versioned<Row extends { readonly resourceVersion: number }, Key extends object> {
  constructor(
    private readonly database: Database,
    private readonly options: VersionedOptions<Row>,
  ) {}

  /** The row, or null. */
  async find(key: Key, within?: Within): Promise<Row | null> {
    return await this.on(within, (rows) => rows.findFirst({ where: key }));
  }

  /** The row. @throws Failure NOT_FOUND */
  async get(key: Key, within?: Within): Promise<Row> {
    const row = await this.find(key, within);
    if (!row) throw new Failure('NOT_FOUND', `there is no such ${this.options.what}`);
    return row;
  }

  /**
   * Writes a row's values where the condition holds, in one attempt.
   * @throws Failure CONFLICT (data: currentVersion) for a stale version; CONFLICT (data: reason 'UniqueViolation',
   * currentVersion where the key itself is taken) for what exists; NOT_FOUND for a version of an absent row;
   * INVALID_INPUT where `values` would change a member of the identity.
   */
  async putIf(key: Key, condition: Condition, values: Partial<Row>, within?: Within): Promise<Row> {
    if (condition === 'MustCreate') return await this.create(key, values, within);
    const changed = await this.swap(key, versionOf(condition), values, within);
    if (changed) return changed;
    const current = await this.find(key, within);
    if (current) throw this.refusal(current, values);
    if (condition === 'Unconditional') return await this.create(key, values, within);
    throw new Failure('NOT_FOUND', `there is no such ${this.options.what}`);
  }

  /**
   * Deletes a row where the condition holds. @returns false when there is none.
   * @throws Failure CONFLICT (data: currentVersion) for a stale version.
   */
  async deleteIf(key: Key, condition: Exclude<Condition, 'MustCreate'>, within?: Within): Promise<boolean> {
    const { count } = await this.on(within, (rows) => rows.deleteMany({ where: { ...key, ...versionOf(condition) } }));
    if (count > 0) return true;
    const current = await this.find(key, within);
    if (current && condition !== 'Unconditional') throw this.stale(current);
    return false;
  }

  /**
   * Reads a row, lets `mutate` say what changes (null: nothing), and writes it if nobody else did meanwhile; else again
   * on a fresh read, {@link ATTEMPTS} times at most. A caller that names the version it means gets exactly one attempt.
   * @throws Failure NOT_FOUND; CONFLICT (data: currentVersion, attempts); INVALID_INPUT; whatever `mutate` throws.
   */
  async update(
    key: Key,
    mutate: (row: Row) => Partial<Row> | null | Promise<Partial<Row> | null>,
    version?: number,
  ): Promise<Row> {
    const attempts = version === undefined ? ATTEMPTS : 1;
    for (let attempt = 1; ; attempt++) {
      const row = await this.get(key);
      if (version !== undefined && row.resourceVersion !== version) throw this.stale(row);
      const values = await mutate(row);
      if (values === null) return row;
      this.mustKeepIdentity(row, values);
      const changed = await this.swap(key, { resourceVersion: row.resourceVersion }, values);
      if (changed) return changed;
      if (attempt === attempts) throw this.stale(await this.get(key), { attempts });
      await backoff(attempt);
    }
  }

  private async create(key: Key, values: Partial<Row>, within?: Within): Promise<Row> {
    try {
      return await this.on(within, (rows) => rows.create({ data: { ...values, ...key, resourceVersion: 1 } }));
    } catch (error) {
      // In a transaction PostgreSQL answers nothing more after a violation; there the version stays untold.
      const current = within === undefined && violates(error) ? await this.find(key) : null;
      if (!current) throw error;
      throw this.stale(current, { reason: 'UniqueViolation' });
    }
  }

  /** Writes in one statement; undefined when no row met the condition. */
  private async swap(key: Key, version: object, values: Partial<Row>, within?: Within): Promise<Row | undefined> {
    const same = Object.fromEntries(
      this.options.identity.flatMap((name) => (name in values ? [[name, values[name]]] : [])),
    );
    const data = { ...values, resourceVersion: { increment: 1 } };
    const [row] = await this.on(within, (rows) =>
      rows.updateManyAndReturn({ where: { ...same, ...key, ...version }, data }),
    );
    return row;
  }

  private refusal(current: Row, values: Partial<Row>): Failure {
    this.mustKeepIdentity(current, values);
    return this.stale(current);
  }

  private mustKeepIdentity(row: Row, values: Partial<Row>): void {
    const changed = this.options.identity.filter((name) => name in values && values[name] !== row[name]);
    if (changed.length > 0)
      throw new Failure('INVALID_INPUT', `the ${changed.join(', ')} of a ${this.options.what} cannot be changed`);
  }

  private stale(current: Row, data: Record<string, unknown> = {}): Failure {
    return new Failure('CONFLICT', `the ${this.options.what} has version ${current.resourceVersion} now`, {
      data: { ...data, currentVersion: current.resourceVersion },
    });
  }

  private async on<T>(within: Within | undefined, action: (rows: Table<Row>) => Promise<T>): Promise<T> {
    const { model } = this.options;
    if (!within) return await this.database.direct((statements) => action(table(statements, model)));
    if ('rows' in within) return await action(table(within, model));
    // The delegates of Prisma's models differ in types alone; each has the methods of a table.
    return await action(within[model] as unknown as Table<Row>);
  }
}

function versionOf(condition: Exclude<Condition, 'MustCreate'>): { resourceVersion?: number } {
  return condition === 'Unconditional' ? {} : { resourceVersion: condition.MatchResourceVersion };
}

function violates(error: unknown): boolean {
  return isUniqueViolation((error as Failure).cause ?? error);
}
