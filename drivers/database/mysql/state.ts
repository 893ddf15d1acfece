import { Failure } from '../../../domain/failures';
import { literal, name } from '../../../domain/schema/mysql/quote';
import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import { stateName } from './names';
import { text } from './rows';
import type { Session } from './session';

/** Where a change stands, as its database has it. */
export interface StoredState {
  readonly changeId: string;
  readonly epoch: number;
  readonly phase: ChangePhase;
  readonly change: PlannedChange;
}

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
      ` phase VARCHAR(16) NOT NULL, watched TEXT NULL, specification LONGTEXT NOT NULL) ENGINE=InnoDB CHARSET=utf8mb4` +
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
    await session.execute(`UPDATE ${name(table)} SET epoch = epoch + 1 WHERE id = 1`);
    const [row] = await session.query(`SELECT epoch FROM ${name(table)} WHERE id = 1`);
    await session.execute('COMMIT');
    return new Fence(session, table, Number(row!.epoch));
  }

  /**
   * The first statement of every transaction of the copier and the drainer: never both at once, and never two processes.
   * @throws Failure CONFLICT when another process has taken over.
   */
  async hold(): Promise<ChangePhase> {
    const [row] = await this.session.query(`SELECT epoch, phase FROM ${name(this.table)} WHERE id = 1 FOR UPDATE`);
    if (row === undefined || Number(row.epoch) !== this.epoch)
      throw new Failure('CONFLICT', 'another process has taken this change over');
    return text(row.phase) as ChangePhase;
  }

  /** Within a transaction that holds the fence. */
  async enter(phase: ChangePhase): Promise<void> {
    await this.session.execute(`UPDATE ${name(this.table)} SET phase = ? WHERE id = 1`, [phase]);
  }
}
