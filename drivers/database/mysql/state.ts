import { Failure } from '../../../domain/failures';
import { literal, name } from '../../../domain/schema/mysql/quote';
import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import { Errno, transaction } from './engine-session';
import { inByteOrder, stateName } from './names';
import { nullable, text } from './rows';
import { ServerError, type Session } from './session';

/** Fingerprints of both sides of each shadow, by its table. */
export type Watched = Readonly<Record<string, { readonly old: string; readonly new: string }>>;

/** The table that holds the state of a change: beside its first table, by name. */
export function stateTable({ operations }: PlannedChange): string {
  const tables = operations.map((operation) => operation.name).toSorted();
  return stateName(tables[0] ?? 'gatewright');
}

/** What is told of a table of ours to whoever finds it. */
export function commentOf({ id }: Pick<PlannedChange, 'id'>): string {
  return `gatewright change ${id}`;
}

/** Makes the state of a change; what is there already stays. @throws Failure CHANGE_CONFLICT */
export async function createState(session: Session, change: PlannedChange): Promise<void> {
  const table = name(stateTable(change));
  await session.execute(
    `CREATE TABLE IF NOT EXISTS ${table} (id TINYINT PRIMARY KEY, change_id VARCHAR(64) NOT NULL, epoch BIGINT NOT NULL,` +
      ` phase VARCHAR(16) NOT NULL, kept VARCHAR(3) NULL, restored TEXT NOT NULL DEFAULT (''), watched LONGTEXT NULL, specification LONGTEXT NOT NULL) ENGINE=InnoDB CHARSET=utf8mb4` +
      ` COMMENT=${literal(commentOf(change))}`,
  );
  await session.execute(
    `INSERT IGNORE INTO ${table} (id, change_id, epoch, phase, specification) VALUES (1, ?, 0, 'preparing', ?)`,
    [change.id, JSON.stringify(change)],
  );
  await session.execute('COMMIT');
  const [row] = await session.query(`SELECT change_id FROM ${table} WHERE id = 1`);
  await session.execute('COMMIT');
  if (text(row?.change_id) !== change.id)
    throw new Failure('CHANGE_CONFLICT', `change ${text(row?.change_id)} has a table of this one`);
}

/** A process's hold on a change. Whoever takes it over raises the epoch, and the one before finds itself fenced off. */
export class Fence {
  private constructor(
    private readonly session: Session,
    readonly table: string,
    readonly epoch: number,
  ) {}

  static async take(session: Session, change: PlannedChange): Promise<Fence> {
    const table = stateTable(change);
    const epoch = await transaction(session, async () => {
      await session.execute(`UPDATE ${name(table)} SET epoch = epoch + 1 WHERE id = 1`);
      const [row] = await session.query(`SELECT epoch FROM ${name(table)} WHERE id = 1`);
      return Number(row!.epoch);
    });
    await untilRenamed(session, change);
    return new Fence(session, table, epoch);
  }

  /**
   * The first statement of every transaction of the copier and the drainer: never both at once, and never two processes.
   * @throws Failure CONFLICT when another process has taken over.
   */
  async hold(): Promise<void> {
    const [row] = await this.session.query(`SELECT epoch FROM ${name(this.table)} WHERE id = 1 FOR UPDATE`);
    if (row === undefined || Number(row.epoch) !== this.epoch)
      throw new Failure('CONFLICT', 'another process has taken this change over');
  }

  async phase(): Promise<ChangePhase> {
    const [row] = await this.session.query(`SELECT phase FROM ${name(this.table)} WHERE id = 1`);
    return text(row!.phase) as ChangePhase;
  }

  /** What the tables were when the change began, as {@link watch} wrote it. */
  async watched(): Promise<Watched> {
    const [row] = await this.session.query(`SELECT watched FROM ${name(this.table)} WHERE id = 1`);
    await this.session.execute('COMMIT');
    return JSON.parse(text(row?.watched) || '{}') as Watched;
  }

  /** Within a transaction that holds the fence. */
  async watch(watched: Watched): Promise<void> {
    await this.session.execute(`UPDATE ${name(this.table)} SET watched = ? WHERE id = 1`, [JSON.stringify(watched)]);
  }

  /** Says for good which side is kept; within a transaction that holds the fence. */
  async keep(side: 'old' | 'new'): Promise<void> {
    await this.session.execute(`UPDATE ${name(this.table)} SET kept = ? WHERE id = 1`, [side]);
  }

  /** Which side is kept; null while that is open. */
  async kept(): Promise<'old' | 'new' | null> {
    const [row] = await this.session.query(`SELECT kept FROM ${name(this.table)} WHERE id = 1`);
    await this.session.execute('COMMIT');
    return (nullable(row!.kept) as 'old' | 'new' | null) ?? null;
  }

  /** Runs a transaction that holds the fence. */
  async transaction<T>(action: () => Promise<T>): Promise<T> {
    return await transaction(this.session, async () => {
      await this.hold();
      return await action();
    });
  }

  /** Within a transaction that holds the fence. */
  async enter(phase: ChangePhase): Promise<void> {
    await this.session.execute(`UPDATE ${name(this.table)} SET phase = ? WHERE id = 1`, [phase]);
  }
}

/**
 * Waits for a swap whose process has ended: its RENAME may still wait for its locks, in the order of the names. Whoever
 * asks for the first of them stands behind it.
 */
async function untilRenamed(session: Session, { operations }: PlannedChange): Promise<void> {
  const [first] = inByteOrder(operations.filter(({ object }) => object === 'table').map((operation) => operation.name));
  if (first === undefined) return;
  await transaction(session, async () => {
    try {
      await session.query(`SELECT 1 FROM ${name(first)} LIMIT 0`);
    } catch (error) {
      if (!(error instanceof ServerError) || error.errno !== Errno.noSuchTable) throw error;
    }
  });
}
