import { nextChunk } from '../../../domain/schema/pace';
import { name } from '../../../domain/schema/mysql/quote';
import { isPassing, transaction } from './engine-session';
import type { ShadowTables } from './helpers';
import { keyColumns, KeyWalk, Mark } from './key-walk';
import { ServerError, type Session } from './session';
import { converted, implicit, keyParts, of } from './sql';
import type { Fence } from './state';

/** Copies the rows of one table by its key, chunk after chunk, from wherever somebody left off. */
export class Copier {
  private rows = 1_000;
  private readonly walk: KeyWalk;

  constructor(
    private readonly session: Session,
    private readonly fence: Fence,
    private readonly tables: ShadowTables,
  ) {
    const { forward, names } = tables;
    this.walk = new KeyWalk(session, forward, names.table, names.cursor, Mark.copied);
  }

  /** Says where copying ends, before anything is copied or followed: what comes later is followed. */
  async begin(): Promise<void> {
    await this.fence.transaction(async () => {
      if (!(await this.walk.has(Mark.end))) await this.walk.setEnd(Mark.end);
    });
  }

  /** How many rows were copied, by all who did. */
  async copied(): Promise<number> {
    const [row] = await this.session.query(`SELECT copied FROM ${name(this.tables.names.cursor)} WHERE id = 1`);
    await this.session.execute('COMMIT');
    return Number(row?.copied ?? 0);
  }

  /** Copies one chunk. @returns whether there may be another, and how long it took in milliseconds. */
  async step(): Promise<{ readonly more: boolean; readonly tookMs: number }> {
    const began = performance.now();
    const more = await transaction(this.session, async () => {
      await this.fence.hold();
      return await this.chunk();
    });
    if (more) this.walk.committed();
    return { more, tookMs: performance.now() - began };
  }

  private async chunk(): Promise<boolean> {
    const { walk } = this;
    if (!(await walk.advance(this.rows, Mark.chunk, Mark.end))) {
      // The row at the end may be gone. From now on nothing is ahead, and every note is followed.
      await walk.arrive(Mark.end, 0);
      return false;
    }
    // By the rows alone: what the rest costs has nothing to do with how many there are.
    const began = performance.now();
    const copied = await this.copy(walk);
    this.rows = nextChunk(this.rows, performance.now() - began);
    await walk.arrive(Mark.chunk, copied);
    return true;
  }

  /**
   * Nothing is in the way: what would be copied later is not followed before. Rows that cannot be put in go through the
   * log, where they are told one from another.
   */
  private async copy(walk: KeyWalk): Promise<number> {
    const { forward, names } = this.tables;
    const columns = forward.carried.map(({ target }) => name(target.name));
    const values = forward.carried.map((pair) => converted(pair, of('live', pair.source.name)));
    const filled = implicit(forward);
    const { tables, rows } = await walk.chunk(Mark.chunk);
    const from = `FROM ${tables} WHERE ${rows}`;
    try {
      return await this.session.execute(
        `INSERT INTO ${name(names.ghost)} (${[...columns, ...filled.map(({ column }) => name(column))].join(', ')}) ` +
          `SELECT ${[...values, ...filled.map(({ value }) => value)].join(', ')} ${from}`,
      );
    } catch (error) {
      if (!(error instanceof ServerError) || error.fatal || isPassing(error)) throw error;
      return await this.session.execute(
        `INSERT INTO ${name(names.log)} (op, ${keyParts(forward).join(', ')}) SELECT 'u', ${keyColumns(forward).join(', ')} ${from}`,
      );
    }
  }
}
