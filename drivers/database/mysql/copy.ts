import { nextChunk } from '../../../domain/schema/pace';
import { name } from '../../../domain/schema/mysql/quote';
import { isPassing, transaction } from './engine-session';
import type { ShadowTables } from './helpers';
import { keyColumns, KeyWalk, Mark } from './key-walk';
import { turned } from './proof';
import { ServerError, type Session } from './session';
import { converted, implicit, isText, keyParts, of, sameKey } from './sql';
import type { Fence } from './state';

/** Copies the rows of one table by its key, chunk after chunk, from wherever somebody left off. */
export class Copier {
  private rows = 1_000;
  private readonly walk: KeyWalk;
  private ended = false;

  constructor(
    private readonly session: Session,
    private readonly fence: Fence,
    private readonly tables: ShadowTables,
  ) {
    const { forward, names } = tables;
    this.walk = new KeyWalk(session, forward, names.table, names.cursor, Mark.copied);
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
    if (more) {
      this.ended = true;
      this.walk.committed();
    }
    const tookMs = performance.now() - began;
    this.rows = nextChunk(this.rows, tookMs);
    return { more, tookMs };
  }

  private async chunk(): Promise<boolean> {
    const { walk } = this;
    if (!this.ended && !(await walk.has(Mark.end)) && !(await walk.setEnd(Mark.end))) return false;
    if (!(await walk.advance(this.rows, Mark.chunk, Mark.end))) return false;
    const copied = await this.copy(walk);
    await walk.arrive(Mark.chunk, copied);
    return true;
  }

  /** Rows that cannot be put in go through the log, where they are told one from another. */
  private async copy(walk: KeyWalk): Promise<number> {
    const { forward, names } = this.tables;
    const columns = forward.carried.map(({ target }) => name(target.name));
    const values = forward.carried.map((pair) => converted(pair, of('live', pair.source.name)));
    const filled = implicit(forward);
    const chunk = await walk.chunk(Mark.chunk);
    const missing = `${of('ghost', forward.key[0]!.target.name)} IS NULL`;
    const ghost = `LEFT JOIN ${name(names.ghost)} AS ghost ON ${sameKey(forward, 'live', 'ghost')}`;
    const beside = (await this.isEmpty())
      ? `${chunk.tables} WHERE ${chunk.rows}`
      : `${chunk.tables} ${ghost} WHERE ${chunk.rows} AND ${missing}`;
    try {
      return await this.session.execute(
        `INSERT INTO ${name(names.ghost)} (${[...columns, ...filled.map(({ column }) => name(column))].join(', ')}) ` +
          `SELECT ${[...values, ...filled.map(({ value }) => value)].join(', ')} FROM ${beside}`,
      );
    } catch (error) {
      if (!(error instanceof ServerError) || error.fatal || isPassing(error)) throw error;
      return await this.session.execute(
        `INSERT INTO ${name(names.log)} (op, ${keyParts(forward).join(', ')}) SELECT 'u', ${keyColumns(forward).join(', ')} ` +
          `FROM ${chunk.tables} WHERE ${chunk.rows}`,
      );
    }
  }
  /** Whether nobody was here before; then nothing has to be looked for. Only keys that both sides order alike tell. */
  private async isEmpty(): Promise<boolean> {
    const { forward, names } = this.tables;
    if (forward.key.some(({ source, target }) => isText(source) || isText(target))) return false;
    const ghost = new KeyWalk(this.session, turned(forward), names.ghost, names.cursor, Mark.copied);
    const { tables, rows } = await ghost.chunk(Mark.chunk);
    const there = await this.session.query(`SELECT 1 FROM ${tables} WHERE ${rows} LIMIT 1`);
    return there.length === 0;
  }
}
