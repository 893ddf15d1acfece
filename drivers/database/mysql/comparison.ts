import { name } from '../../../domain/schema/mysql/quote';
import type { Flow } from '../../../domain/schema/sides';
import type { Proof } from '../engine';
import type { Route } from './batch';
import { transaction } from './engine-session';
import { sameOrder, sameValues, turned } from './equality';
import type { ExactCollations } from './exact-collations';
import { keyColumns, type Chunk } from './key-walk';
import { text } from './rows';
import type { Session } from './session';
import { byKey, keyParts, of, onKey, sameKey } from './sql';

/** What a chunk's comparison found. */
export interface Compared {
  /** Of the live side. */
  readonly rows: number;
  readonly count: number;
  /** Of the rows that differ or are on one side alone. */
  readonly keys: Proof['differing'];
}

/** Compares the sides of one table, chunk by chunk. */
export class Comparison {
  constructor(
    private readonly route: Route,
    private readonly table: string,
    private readonly exact: ExactCollations,
  ) {}

  /**
   * Compares a chunk of the live side with the same of the other. Where every row has its like and both have as many, there
   * is nothing more to look for; otherwise what differs is looked for, and what has a note is left out.
   * @param beside the rows of the other side between the same keys, as far as both are in the same order.
   */
  async both(session: Session, chunk: Chunk, beside: Chunk): Promise<Compared> {
    const { flow, target } = this.route;
    const ordered = sameOrder(flow);
    const like = `${sameKey(flow, 'live', 'other')} AND ${sameValues(flow, 'live', 'other', this.exact)}`;
    const others = ordered ? `(SELECT COUNT(*) FROM ${beside.tables} WHERE ${beside.rows})` : 'COUNT(*)';
    return await transaction(session, async () => {
      // One statement, one read view.
      const [counts] = await session.query(
        `SELECT COUNT(*) AS n, COUNT(${of('other', flow.key[0]!.target.name)}) AS alike, ${others} AS others ` +
          `FROM ${chunk.tables} LEFT JOIN ${name(target)} AS other${byKey(flow, 'target')} ON ${like} WHERE ${chunk.rows}`,
      );
      const [rows, alike, other] = [Number(counts!.n), Number(counts!.alike), Number(counts!.others)];
      if (alike === rows && other === rows) return { rows, count: 0, keys: [] };
      const [differing, surplus] = [
        await this.differing(session, chunk),
        ordered ? await this.surplus(session, beside) : { count: 0, keys: [] },
      ];
      return { rows, count: differing.count + surplus.count, keys: [...differing.keys, ...surplus.keys] };
    });
  }

  /** Rows of the live side that the other has not, or not the same. */
  private async differing(session: Session, chunk: Chunk): Promise<Compared> {
    const { flow, target } = this.route;
    const missing = `${of('other', flow.key[0]!.target.name)} IS NULL`;
    return await this.find(
      session,
      chunk,
      `LEFT JOIN ${name(target)} AS other${byKey(flow, 'target')} ON ${sameKey(flow, 'live', 'other')}`,
      `(${missing} OR NOT (${sameValues(flow, 'live', 'other', this.exact)}))`,
      flow,
      'source',
    );
  }

  /** Rows of the other side that the live one has not; the chunk is of the other side. */
  async surplus(session: Session, chunk: Chunk): Promise<Compared> {
    const { flow, live } = this.route;
    // Whatever is walked along goes by the name of `live`.
    return await this.find(
      session,
      chunk,
      `LEFT JOIN ${name(live)} AS other${byKey(flow, 'source')} ON ${sameKey(turned(flow), 'live', 'other')}`,
      `${of('other', flow.key[0]!.source.name)} IS NULL`,
      turned(flow),
      'target',
    );
  }

  private async find(
    session: Session,
    chunk: Chunk,
    join: string,
    differs: string,
    flow: Flow,
    side: 'source' | 'target',
  ): Promise<Compared> {
    const log = name(this.route.log);
    const key = keyColumns(flow).map((column, i) => `CAST(${column} AS CHAR) AS ${keyParts(flow)[i]!}`);
    const noted = (letter: 'k' | 'o'): string =>
      `EXISTS (SELECT 1 FROM ${log} AS l WHERE ${onKey(this.route.flow, side, 'live', 'l', letter)})`;
    // The log is read by the same statement, and so in the same snapshot.
    const rows = await session.query(
      `SELECT ${key.join(', ')} FROM ${chunk.tables} ${join} WHERE ${chunk.rows} AND ${differs} ` +
        `AND NOT (${noted('k')} OR ${noted('o')})`,
    );
    return {
      rows: 0,
      count: rows.length,
      keys: rows.map((row) => ({
        table: this.table,
        key: Object.fromEntries(flow.key.map(({ source }, i) => [source.name, text(row[`k${i + 1}`])])),
      })),
    };
  }
}
