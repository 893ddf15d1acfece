import { nextChunk } from '../../../domain/schema/pace';
import { name } from '../../../domain/schema/mysql/quote';
import type { Carried, Flow } from '../../../domain/schema/sides';
import type { Proof } from '../engine';
import type { Route } from './batch';
import { keyColumns, KeyWalk, Mark } from './key-walk';
import { text } from './rows';
import type { Session } from './session';
import { bytes, converted, isText, keyParts, of, onKey, sameKey } from './sql';

/** Keys of differing rows that are named. */
const MOST_NAMED = 100;

/** A chunk of a comparison may take longer than one of a copy: it locks nothing. */
const BUDGET_MS = 100;

type Differing = Proof['differing'][number];

/**
 * Compares both sides row by row. Each chunk is read by one statement, and so in one snapshot, together with the log: rows
 * that have a note are not followed yet, and everything else must be the same, byte for byte. So each chunk is a proof by
 * itself, whenever it was made.
 */
export class Prover {
  constructor(
    private readonly session: Session,
    private readonly route: Route,
    private readonly cursor: string,
    private readonly table: string,
  ) {}

  /** @param pause between chunks. */
  async run(signal: AbortSignal, pause: (workedMs: number) => Promise<void>): Promise<Proof> {
    const { flow, live, target } = this.route;
    const forth = new KeyWalk(this.session, flow, live, this.cursor, Mark.proven);
    const other = new KeyWalk(this.session, turned(flow), target, this.cursor, Mark.provenOther);
    const found: Differing[] = [];
    let [rowsCompared, differingCount] = [0, 0];
    for (const [walk, mark, compare] of [
      [forth, Mark.provenChunk, this.differing.bind(this)],
      [other, Mark.provenOtherChunk, this.surplus.bind(this)],
    ] as const) {
      let rows = 1_000;
      await walk.restart();
      while (await walk.advance(rows, mark)) {
        signal.throwIfAborted();
        const began = performance.now();
        const { keys, compared, count } = await compare(await walk.chunk(mark));
        await walk.arrive(mark, compared);
        await this.session.execute('COMMIT');
        const tookMs = performance.now() - began;
        rows = nextChunk(rows, tookMs, BUDGET_MS);
        if (walk === forth) rowsCompared += compared;
        differingCount += count;
        found.push(...keys.slice(0, MOST_NAMED - found.length));
        await pause(tookMs);
      }
    }
    return { rowsCompared, differing: found, differingCount };
  }

  /** Rows of the live side that the other has not, or not the same. */
  private async differing(chunk: Chunk): Promise<Compared> {
    const { flow, target } = this.route;
    const same = flow.carried.map((pair) => equal(pair, of('live', pair.source.name), of('other', pair.target.name)));
    const missing = `${of('other', flow.key[0]!.target.name)} IS NULL`;
    return await this.find(
      chunk,
      `LEFT JOIN ${name(target)} AS other ON ${sameKey(flow, 'live', 'other')}`,
      `(${missing} OR NOT (${same.join(' AND ')}))`,
      flow,
      onKey(flow, 'source', 'live', 'l'),
      onKey(flow, 'source', 'live', 'l', 'o'),
    );
  }

  /** Rows of the other side that the live one has not; the chunk is of the other side. */
  private async surplus(chunk: Chunk): Promise<Compared> {
    const { flow, live } = this.route;
    // The walk calls whatever it walks along `live`.
    return await this.find(
      chunk,
      `LEFT JOIN ${name(live)} AS other ON ${sameKey(turned(flow), 'live', 'other')}`,
      `${of('other', flow.key[0]!.source.name)} IS NULL`,
      turned(flow),
      onKey(flow, 'target', 'live', 'l'),
      onKey(flow, 'target', 'live', 'l', 'o'),
    );
  }

  private async find(
    chunk: Chunk,
    join: string,
    differs: string,
    flow: Flow,
    noted: string,
    movedFrom: string,
  ): Promise<Compared> {
    const log = name(this.route.log);
    const key = keyColumns(flow).map((column, i) => `CAST(${column} AS CHAR) AS ${keyParts(flow)[i]!}`);
    const pending = `EXISTS (SELECT 1 FROM ${log} AS l WHERE ${noted}) OR EXISTS (SELECT 1 FROM ${log} AS l WHERE ${movedFrom})`;
    const from = `FROM ${chunk.tables} ${join} WHERE ${chunk.rows}`;
    // One statement, one read view; the first row has the count of all.
    const rows = await this.session.query(
      `SELECT 0 AS differs, COUNT(*) AS n, ${key.map((_, i) => `'' AS k${i + 1}`).join(', ')} FROM ${chunk.tables} WHERE ${chunk.rows} ` +
        `UNION ALL SELECT 1, 1, ${key.join(', ')} ${from} AND ${differs} AND NOT (${pending})`,
    );
    const differing = rows.filter((row) => Number(row.differs) === 1);
    return {
      compared: Number(rows.find((row) => Number(row.differs) === 0)?.n ?? 0),
      count: differing.length,
      keys: differing.map((row) => ({
        table: this.table,
        key: Object.fromEntries(flow.key.map(({ source }, i) => [source.name, text(row[`k${i + 1}`])])),
      })),
    };
  }
}

interface Chunk {
  readonly tables: string;
  readonly rows: string;
}

interface Compared {
  readonly compared: number;
  readonly count: number;
  readonly keys: readonly Differing[];
}

/** A flow as seen from its other end, for a walk along that. */
export function turned(flow: Flow): Flow {
  const turn = (pair: Carried): Carried => ({ ...pair, source: pair.target, target: pair.source });
  return {
    ...flow,
    source: flow.target,
    target: flow.source,
    carried: flow.carried.map(turn),
    key: flow.key.map(turn),
  };
}

/** Whether the target holds what the source's value became; null is equal to null. */
function equal(pair: Carried, source: string, target: string): string {
  const expected = converted(pair, source);
  const retyped = pair.source.type !== pair.target.type;
  if (isText(pair.target)) return `${bytes(target, pair.target)} <=> ${bytes(asTarget(pair, expected), pair.target)}`;
  if (/^(float|double)\b/.test(pair.target.type) && !retyped)
    return `CAST(CAST(${target} AS DOUBLE) AS BINARY) <=> CAST(CAST(${expected} AS DOUBLE) AS BINARY)`;
  return `${target} <=> ${retyped ? asTarget(pair, expected) : expected}`;
}

/** The value that storing in the target's type makes of a source's. */
function asTarget({ source, target }: Carried, expression: string): string {
  if (source.type === target.type) return expression;
  const { type } = target;
  if (/^(tinyint|smallint|mediumint|int|bigint)\b/.test(type))
    return `CAST(${expression} AS ${type.includes('unsigned') ? 'UNSIGNED' : 'SIGNED'})`;
  const decimal = /^decimal(\(\d+,\d+\))/.exec(type)?.[1];
  if (decimal !== undefined) return `CAST(${expression} AS DECIMAL${decimal})`;
  const time = /^(date|datetime|time)\b(\(\d\))?/.exec(type);
  if (time) return `CAST(${expression} AS ${time[1]!.toUpperCase()}${time[2] ?? ''})`;
  return isText(target) && !isText(source) ? `CAST(${expression} AS CHAR)` : expression;
}
