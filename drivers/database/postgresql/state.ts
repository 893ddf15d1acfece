import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/postgresql/quote';
import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import { persistently, transaction } from './engine-session';
import { OWN_SCHEMA, ownName, type Side } from './names';
import { nullable, text } from './rows';
import type { Row, Session } from './session';

/** Where a change stands, as its database has it. */
export interface StoredState {
  readonly changeId: string;
  readonly schema: string;
  readonly epoch: number;
  readonly phase: ChangePhase;
  /** When the last row was copied; null before. */
  readonly copiedAt: string | null;
}

/** A table of ours, as SQL has it. */
export function own(table: string): string {
  return `${OWN_SCHEMA}.${name(table)}`;
}

/** The one row that says where a change stands; locking its table is the fence. */
export function stateTable(changeId: string): string {
  return own(ownName('change', changeId));
}

/** A row for each shadow of a change: how far its copy is, and by what its triggers are known. */
export function shadowTable(changeId: string): string {
  return own(ownName('shadows', changeId));
}

/** A row that is written to only to see how long that takes. */
export function probeTable(changeId: string): string {
  return own(ownName('probe', changeId));
}

const CLAIMS = own('claims');

/** Held while our schema is made or removed, which two changes may want at once. */
const housekeeping = `SELECT pg_advisory_xact_lock(hashtextextended('${OWN_SCHEMA}', 0))`;

/** What is told of a table of ours to whoever finds it. */
export function commentOf({ id }: Pick<PlannedChange, 'id'>): string {
  return `gatewright change ${id}`;
}

/** The change that a comment of {@link commentOf} names, or null. */
export function changeOfComment(comment: string): string | null {
  return /^gatewright change (\S+)$/.exec(comment)?.[1] ?? null;
}

/**
 * Makes the state of a change and claims its tables; what is there already stays.
 * @throws Failure CHANGE_CONFLICT when another change has one of the tables.
 */
export async function createState(session: Session, change: PlannedChange): Promise<void> {
  await transaction(
    session,
    async () => {
      await session.execute(housekeeping);
      await session.execute(
        `CREATE SCHEMA IF NOT EXISTS ${OWN_SCHEMA}; ` +
          `CREATE TABLE IF NOT EXISTS ${CLAIMS} (schema_name text, table_name text, change_id text NOT NULL, ` +
          `PRIMARY KEY (schema_name, table_name)); ` +
          `CREATE TABLE IF NOT EXISTS ${stateTable(change.id)} (id int PRIMARY KEY, change_id text NOT NULL, ` +
          `schema_name text NOT NULL, epoch bigint NOT NULL, phase text NOT NULL, copied_at timestamptz, ` +
          `gone text, unvalidated jsonb NOT NULL DEFAULT '[]', names jsonb NOT NULL DEFAULT '{}', specification text NOT NULL); ` +
          `CREATE TABLE IF NOT EXISTS ${shadowTable(change.id)} (n int PRIMARY KEY, table_name text NOT NULL, ` +
          `at text[], until text[], copied boolean NOT NULL DEFAULT false, rows_copied bigint NOT NULL DEFAULT 0, ` +
          `triggers text, proof jsonb, proof_at timestamptz); ` +
          `CREATE TABLE IF NOT EXISTS ${probeTable(change.id)} (id int PRIMARY KEY, n bigint NOT NULL); ` +
          `INSERT INTO ${probeTable(change.id)} VALUES (1, 0) ON CONFLICT DO NOTHING`,
      );
      await session.execute(
        `INSERT INTO ${stateTable(change.id)} (id, change_id, schema_name, epoch, phase, specification) ` +
          `VALUES (1, $1, $2, 0, 'preparing', $3) ON CONFLICT DO NOTHING`,
        [change.id, session.schema, JSON.stringify(change)],
      );
      await claim(session, change);
    },
    { begin: 'BEGIN; SET LOCAL synchronous_commit = on' },
  );
}

async function claim(session: Session, { id, operations }: PlannedChange): Promise<void> {
  const tables = [...new Set(operations.filter(({ object }) => object === 'table').map((each) => each.name))].sort();
  await session.execute(`INSERT INTO ${CLAIMS} SELECT $1, t, $2 FROM unnest($3::text[]) t ON CONFLICT DO NOTHING`, [
    session.schema,
    id,
    tables,
  ]);
  const others = await session.query(
    `SELECT table_name, change_id FROM ${CLAIMS} WHERE schema_name = $1 AND table_name = ANY ($2) AND change_id <> $3`,
    [session.schema, tables, id],
  );
  const [first] = others;
  if (first === undefined) return;
  const data = { changeId: text(first.change_id) };
  throw new Failure('CHANGE_CONFLICT', `change ${data.changeId} has the table ${text(first.table_name)}`, { data });
}

/** The change that has a table of the session's schema, or null when none but the given one has. */
export async function claimOf(session: Session, table: string, changeId: string): Promise<string | null> {
  const [there] = await session.query('SELECT to_regclass($1) IS NOT NULL AS there', [CLAIMS]);
  if (there!.there !== true) return null;
  const [row] = await session.query(
    `SELECT change_id FROM ${CLAIMS} WHERE schema_name = $1 AND table_name = $2 AND change_id <> $3`,
    [session.schema, table, changeId],
  );
  return nullable(row?.change_id);
}

/** Removes the last of a change: its state and its claims, and our schema when nothing else is in it. */
export async function removeState(session: Session, changeId: string): Promise<void> {
  await transaction(
    session,
    async () => {
      await session.execute(housekeeping);
      await session.execute(
        `DROP TABLE IF EXISTS ${shadowTable(changeId)}, ${probeTable(changeId)}, ${stateTable(changeId)}; ` +
          `DELETE FROM ${CLAIMS} WHERE change_id = '${changeId.replaceAll("'", "''")}'`,
      );
      const [left] = await session.query(
        `SELECT (SELECT count(*) FROM ${CLAIMS}) + (SELECT count(*) FROM pg_class WHERE relnamespace = $1::regnamespace ` +
          `AND relkind = 'r' AND relname <> 'claims') AS things`,
        [OWN_SCHEMA],
      );
      if (text(left!.things) === '0') await session.execute(`DROP TABLE ${CLAIMS}; DROP SCHEMA ${OWN_SCHEMA}`);
    },
    { begin: 'BEGIN; SET LOCAL synchronous_commit = on' },
  );
}

/** Reads the state of a change; null when the database knows nothing of it. */
export async function readState(session: Session, changeId: string): Promise<StoredState | null> {
  const [there] = await session.query('SELECT to_regclass($1) IS NOT NULL AS there', [stateTable(changeId)]);
  if (there!.there !== true) return null;
  const [row] = await session.query(
    `SELECT change_id, schema_name, epoch, phase, copied_at::text FROM ${stateTable(changeId)} WHERE id = 1`,
  );
  if (row === undefined) return null;
  return {
    changeId: text(row.change_id),
    schema: text(row.schema_name),
    epoch: Number(row.epoch),
    phase: text(row.phase) as ChangePhase,
    copiedAt: nullable(row.copied_at),
  };
}

/** A process's hold on a change. Whoever takes it over raises the epoch, and the one before finds itself fenced off. */
export class Fence {
  private constructor(
    readonly session: Session,
    readonly changeId: string,
    readonly epoch: number,
  ) {}

  /** @throws Failure NOT_FOUND when the database knows nothing of the change. */
  static async take(session: Session, changeId: string): Promise<Fence> {
    if ((await readState(session, changeId)) === null)
      throw new Failure('NOT_FOUND', `the database knows nothing of change ${changeId}`);
    const epoch = await transaction(session, async () => {
      const [row] = await session.query(
        `UPDATE ${stateTable(changeId)} SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch`,
      );
      return Number(row!.epoch);
    });
    return new Fence(session, changeId, epoch);
  }

  /**
   * Begins a transaction with the fence as its first statement, before its snapshot is taken: a copier and a drainer, or
   * two processes, that saw one row at different times would bring a deleted one back.
   */
  begin(isolation: 'READ COMMITTED' | 'REPEATABLE READ', also = ''): string {
    return `BEGIN ISOLATION LEVEL ${isolation}; ${also}LOCK TABLE ${stateTable(this.changeId)} IN EXCLUSIVE MODE`;
  }

  /** The phase. @throws Failure CONFLICT when another process has taken over. */
  async phase(): Promise<ChangePhase> {
    return this.phaseOf((await this.session.query(this.mine))[0]);
  }

  /** What tells whether this process still has the change. */
  private get mine(): string {
    return `SELECT epoch, phase FROM ${stateTable(this.changeId)} WHERE id = 1`;
  }

  private phaseOf(row: Row | undefined): ChangePhase {
    if (row === undefined || Number(row.epoch) !== this.epoch)
      throw new Failure('CONFLICT', 'another process has taken this change over');
    return text(row.phase) as ChangePhase;
  }

  /**
   * Runs a transaction in two messages instead of one for each statement: one begins it, takes the fence and looks at
   * something, the other does what the look tells and commits.
   * @returns milliseconds that the second took.
   */
  async briskly(also: string, look: string, act: (seen: readonly Row[]) => readonly string[]): Promise<number> {
    return await persistently(this.session, async () => {
      const results = await this.session.batch([this.begin('READ COMMITTED', also), this.mine, look]);
      const [mine, seen] = results.slice(-2);
      this.phaseOf(mine!.rows[0]);
      const statements = [...act(seen!.rows), 'COMMIT'];
      const began = performance.now();
      await this.session.batch(statements);
      return performance.now() - began;
    });
  }

  /** Runs a transaction under the fence, while this process still has the change. */
  async transaction<T>(
    isolation: 'READ COMMITTED' | 'REPEATABLE READ',
    action: (phase: ChangePhase) => Promise<T>,
    also = '',
  ): Promise<T> {
    return await persistently(this.session, async () => {
      const begun = await this.session.batch([this.begin(isolation, also), this.mine]);
      const result = await action(this.phaseOf(begun.at(-1)!.rows[0]));
      await this.session.execute('COMMIT');
      return result;
    });
  }

  /** The table of the change's state. */
  get table(): string {
    return stateTable(this.changeId);
  }

  /** Keeps which side nobody wants any more. */
  async discard(side: Side): Promise<void> {
    await this.session.execute(`UPDATE ${this.table} SET gone = '${side}' WHERE id = 1`);
  }

  /** The side that nobody wants any more. */
  async gone(): Promise<Side> {
    const [row] = await this.session.query(`SELECT gone FROM ${this.table} WHERE id = 1`);
    return text(row!.gone) as Side;
  }

  /** Within a transaction that holds the fence. */
  async enter(phase: ChangePhase): Promise<void> {
    await this.session.execute(
      `SET LOCAL synchronous_commit = on; UPDATE ${stateTable(this.changeId)} SET phase = '${phase}' WHERE id = 1`,
    );
  }
}
