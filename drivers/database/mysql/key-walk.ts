import { name } from '../../../domain/schema/mysql/quote';
import type { Flow } from '../../../domain/schema/sides';
import type { Session } from './session';
import { byKey, inCollation, isText, keyParts, of } from './sql';

/** The rows of a table's cursor: each holds one key, which never leaves the server. */
export const Mark = {
  /** Up to here rows are copied. */
  copied: 1,
  /** The end of the chunk that is copied. */
  chunk: 2,
  /** Where copying ends. */
  end: 3,
  /** Up to here both sides are compared, by a walk along the live side ... */
  proven: 4,
  provenFirst: 5,
  provenSecond: 6,
  /** ... and, where the other side has another order, by one along that. */
  provenOther: 7,
  provenOtherChunk: 8,
  /** Not keys: who compares; how many rows differ; whether a walk, or all of it, is over. */
  prover: 9,
  differing: 10,
  walked: 11,
  compared: 12,
  /** Where those walks end: whoever adds rows all the time would never be overtaken, and what is added is noted. */
  provenEnd: 13,
  provenOtherEnd: 14,
} as const;
export type Mark = (typeof Mark)[keyof typeof Mark];

/** Rows of a table that goes by the name of `live`, as they stand after FROM and WHERE. */
export interface Chunk {
  readonly tables: string;
  readonly rows: string;
}

/** Walks along a table in the order of its key, from a mark on. */
export class KeyWalk {
  /** Whether the mark that it walks from is known to be there; only what is committed is known. */
  private begun = false;

  constructor(
    private readonly session: Session,
    private readonly flow: Flow,
    /** The table that is walked along, which is on the source's side of the flow. */
    private readonly table: string,
    private readonly cursor: string,
    private readonly from: Mark,
  ) {}

  async has(mark: Mark): Promise<boolean> {
    const rows = await this.session.query(`SELECT 1 FROM ${name(this.cursor)} WHERE id = ${mark}`);
    return rows.length > 0;
  }

  /** Sets a mark at the last row there is; without a key where there is none, so that nothing is ahead for good. */
  async setEnd(mark: Mark): Promise<void> {
    const columns = keyColumns(this.flow);
    const cursor = name(this.cursor);
    const set = await this.session.execute(
      `INSERT INTO ${cursor} (id, ${keyParts(this.flow).join(', ')}) SELECT ${mark}, ${columns.join(', ')} ` +
        `FROM ${name(this.table)} AS live ORDER BY ${descending(columns)} LIMIT 1`,
    );
    if (set === 0) await this.session.execute(`INSERT INTO ${cursor} (id) VALUES (${mark})`);
  }

  /** Sets a mark so many rows ahead. @param end not beyond this mark. @returns false where nothing is ahead. */
  async advance(rows: number, mark: Mark, end?: Mark): Promise<boolean> {
    const columns = keyColumns(this.flow);
    const { tables, rows: where } = await this.ahead(end);
    // A derived table: only there the optimizer takes the marks for constants, and goes along the index.
    const set = async (order: string): Promise<boolean> =>
      (await this.session.execute(
        `REPLACE INTO ${name(this.cursor)} (id, ${keyParts(this.flow).join(', ')}) SELECT ${mark}, ${columns.join(', ')} ` +
          `FROM (SELECT ${columns.join(', ')} FROM ${tables} WHERE ${where} ORDER BY ${order}) AS live`,
      )) > 0;
    // Where fewer are left, the last of them.
    return (
      (await set(`${columns.join(', ')} LIMIT 1 OFFSET ${rows - 1}`)) || (await set(`${descending(columns)} LIMIT 1`))
    );
  }

  /** The rows up to a mark that was set ahead. @param mark all that are ahead where there is none. */
  async chunk(mark?: Mark): Promise<Chunk> {
    return await this.ahead(mark);
  }

  /** Moves the walk to a mark, and counts. */
  async arrive(mark: Mark, count: number): Promise<void> {
    const [cursor, keys] = [name(this.cursor), keyParts(this.flow)];
    await this.session.execute(
      `INSERT INTO ${cursor} (id, copied, ${keys.join(', ')}) SELECT ${this.from}, ${count}, ${keys.join(', ')} ` +
        `FROM ${cursor} AS c WHERE c.id = ${mark} ON DUPLICATE KEY UPDATE copied = ${cursor}.copied + ${count}, ` +
        keys.map((key) => `${key} = VALUES(${key})`).join(', '),
    );
  }

  /** Says that a step of it is committed. */
  committed(): void {
    this.begun = true;
  }

  private async ahead(end: Mark | undefined): Promise<Chunk> {
    const begun = this.begun || (await this.has(this.from));
    const cursor = name(this.cursor);
    const joins = [
      ...(begun ? [`JOIN ${cursor} AS c${this.from} ON c${this.from}.id = ${this.from}`] : []),
      ...(end === undefined ? [] : [`JOIN ${cursor} AS c${end} ON c${end}.id = ${end}`]),
    ];
    const bounds = [
      ...(begun ? [compared(this.flow, keyColumns(this.flow), '>', `c${this.from}`)] : []),
      ...(end === undefined ? [] : [compared(this.flow, keyColumns(this.flow), '<=', `c${end}`)]),
    ];
    return {
      tables: [`${name(this.table)} AS live${byKey(this.flow, 'source', true)}`, ...joins].join(' '),
      rows: bounds.length > 0 ? bounds.join(' AND ') : 'TRUE',
    };
  }
}

/**
 * Compares a key of the source with one of a cursor, as the source orders them. Written so that the index of a key of
 * several columns is used.
 * @param columns what the key's parts are called.
 */
export function compared(flow: Flow, columns: readonly string[], way: '>' | '<=', cursor: string): string {
  const parts = flow.key.map(({ source }, i) => {
    const held = `${cursor}.${keyParts(flow)[i]!}`;
    return isText(source) ? inCollation(held, source, flow.source) : held;
  });
  const strict = way === '>' ? '>' : '<';
  const alternatives = columns.map((column, i) => {
    const equal = columns.slice(0, i).map((other, n) => `${other} = ${parts[n]!}`);
    const last = i === columns.length - 1 ? way : strict;
    return `(${[...equal, `${column} ${last} ${parts[i]!}`].join(' AND ')})`;
  });
  if (columns.length === 1) return alternatives[0]!;
  // The first part by itself: the optimizer sees the range in no alternative.
  return `${columns[0]!} ${strict}= ${parts[0]!} AND (${alternatives.join(' OR ')})`;
}

/** The key's columns of the walked table, which goes by the name of `live`. */
export function keyColumns({ key }: Flow): string[] {
  return key.map(({ source }) => of('live', source.name));
}

function descending(columns: readonly string[]): string {
  return columns.map((column) => `${column} DESC`).join(', ');
}
