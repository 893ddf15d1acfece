import { nextChunk } from '../../../domain/schema/pace';
import { same } from '../../../domain/schema/table-change';
import type { Drainer } from './drain';
import { isRefusal } from './engine-session';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import { carriedNames, carriedValues, implied, keyColumns, onBothKeys } from './sql';
import { shadowTable, type Fence } from './state';
import { literal, name } from '../../../domain/schema/postgresql/quote';

/** How far a copy is. */
export interface CopyState {
  readonly copied: boolean;
  readonly rows: number;
}

interface Mark {
  readonly at: readonly string[] | null;
  readonly until: readonly string[] | null;
  readonly copied: boolean;
}

/** Copies the rows of one table by its key, chunk after chunk, from wherever somebody left off. */
export class Copier {
  private rows = 1_000;

  constructor(
    private readonly session: Session,
    private readonly fence: Fence,
    private readonly tables: ShadowTables,
    private readonly drainer: Drainer,
  ) {}

  async state(): Promise<CopyState> {
    const [row] = await this.session.query(
      `SELECT copied, rows_copied FROM ${shadowTable(this.fence.changeId)} WHERE n = ${this.tables.n}`,
    );
    return { copied: row!.copied === true, rows: Number(row!.rows_copied) };
  }

  /** Copies one chunk. @returns whether there may be another, and how long it took in milliseconds. */
  async step(): Promise<{ readonly more: boolean; readonly tookMs: number }> {
    const began = performance.now();
    const more = await this.chunk();
    const tookMs = performance.now() - began;
    this.rows = nextChunk(this.rows, tookMs);
    return { more, tookMs };
  }

  private async chunk(): Promise<boolean> {
    let range = '';
    try {
      return await this.fence.transaction('READ COMMITTED', async () => {
        const mark = await this.mark();
        if (mark.copied) return false;
        if (mark.until === null) return await this.ended();
        const to = await this.chunkEnd(mark);
        if (to === null) return await this.ended();
        range = this.between(mark.at, to);
        await this.advance(to, await this.insert(range));
        return true;
      });
    } catch (error) {
      if (!isRefusal(error) || range === '') throw error;
      // A unique value that wandered, or a row that does not fit: told apart where the log is seen in the same snapshot.
      await this.slowly();
      return true;
    }
  }

  /** Where copying is and where it ends: rows with later keys are noted in the log when they come. */
  private async mark(): Promise<Mark> {
    const table = shadowTable(this.fence.changeId);
    const read = `SELECT at, until, copied FROM ${table} WHERE n = ${this.tables.n}`;
    const [row] = (await this.session.query(read)) as unknown as readonly Mark[];
    if (row!.until !== null || row!.copied) return row!;
    const { forward } = this.tables;
    const columns = keyColumns(forward.flow, 'source', 's');
    const last = columns.map((column) => `${column} DESC`).join(', ');
    await this.session.execute(
      `UPDATE ${table} SET until = (SELECT ARRAY[${columns.map((each) => `${each}::text`).join(', ')}] ` +
        `FROM ${forward.live} s ORDER BY ${last} LIMIT 1) WHERE n = ${this.tables.n}`,
    );
    return ((await this.session.query(read)) as unknown as readonly Mark[])[0]!;
  }

  /** Where the next chunk ends: so many rows on, or where copying ends; null when it is there. */
  private async chunkEnd({ at, until }: Mark): Promise<readonly string[] | null> {
    if (at !== null && same(at, until)) return null;
    const { forward } = this.tables;
    const columns = keyColumns(forward.flow, 'source', 's');
    const [row] = await this.session.query(
      `SELECT ARRAY[${columns.map((each) => `${each}::text`).join(', ')}] AS key FROM ${forward.live} s ` +
        `WHERE ${this.between(at, until!)} ORDER BY ${columns.join(', ')} OFFSET ${this.rows - 1} LIMIT 1`,
    );
    return (row?.key as readonly string[] | undefined) ?? until;
  }

  private async insert(range: string): Promise<number> {
    const { flow, live, target } = this.tables.forward;
    const filled = implied(flow);
    // What the log put there already is newer.
    const deferrable = isDeferrable(this.tables);
    const skip = deferrable ? ` AND NOT EXISTS (SELECT FROM ${target} t WHERE ${onBothKeys(flow, 's', 't')})` : '';
    const arbiter = flow.key.map((pair) => name(pair.target.name)).join(', ');
    return await this.session.execute(
      `INSERT INTO ${target} (${[...carriedNames(flow), ...filled.map(({ column }) => name(column))].join(', ')}) ` +
        `OVERRIDING SYSTEM VALUE SELECT ${[...carriedValues(flow, 's'), ...filled.map(({ value }) => value)].join(', ')} ` +
        `FROM ${live} s WHERE ${range}${skip}${deferrable ? '' : ` ON CONFLICT (${arbiter}) DO NOTHING`}`,
    );
  }

  private async slowly(): Promise<void> {
    const mark = await this.fence.transaction('READ COMMITTED', async () => await this.mark());
    const to = await this.chunkEnd(mark);
    if (to === null) return;
    await this.drainer.stepWithRange(this.between(mark.at, to), async (rows) => await this.advance(to, rows));
  }

  private async advance(to: readonly string[], rows: number): Promise<void> {
    await this.session.execute(
      `UPDATE ${shadowTable(this.fence.changeId)} SET at = $1, rows_copied = rows_copied + ${rows} WHERE n = ${this.tables.n}`,
      [to],
    );
  }

  private async ended(): Promise<false> {
    await this.session.execute(
      `UPDATE ${shadowTable(this.fence.changeId)} SET copied = true WHERE n = ${this.tables.n}`,
    );
    return false;
  }

  private between(from: readonly string[] | null, to: readonly string[]): string {
    return rangeOf(this.tables, from, to);
  }
}

/** Rows of the live side behind one key, up to another and with it; null for either end of the table. */
export function rangeOf(
  { forward: { flow } }: Pick<ShadowTables, 'forward'>,
  from: readonly string[] | null,
  to: readonly string[] | null,
  side: 'source' | 'target' = 'source',
  alias = 's',
): string {
  const columns = keyColumns(flow, side, alias).join(', ');
  const values = (key: readonly string[]): string =>
    key.map((value, i) => `${literal(value)}::${flow.key[i]![side].type}`).join(', ');
  const bounds = [
    ...(from === null ? [] : [`(${columns}) > (${values(from)})`]),
    ...(to === null ? [] : [`(${columns}) <= (${values(to)})`]),
  ];
  return bounds.length === 0 ? 'true' : bounds.join(' AND ');
}

/** Whether the target's key is checked late, which no ON CONFLICT goes by. */
function isDeferrable({ shadow, forward: { flow } }: ShadowTables): boolean {
  const key = flow.key
    .map(({ target }) => target.name)
    .toSorted()
    .join('\0');
  const { primaryKey, uniques } = shadow.to;
  return [...(primaryKey ? [primaryKey] : []), ...uniques].some(
    ({ parts, deferrable }) =>
      deferrable &&
      parts
        .map(({ column }) => column)
        .toSorted()
        .join('\0') === key,
  );
}
