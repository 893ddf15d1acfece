import { nextChunk } from '../../../domain/schema/pace';
import { same } from '../../../domain/schema/table-change';
import type { Drainer } from './drain';
import { isRefusal } from './engine-session';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import { inOneOrder, keyAfter, rangeOf, type Key } from './ranges';
import { carriedNames, carriedValues, implied, keyColumns, onBothKeys } from './sql';
import { shadowTable, type Fence } from './state';
import { literal, name } from '../../../domain/schema/postgresql/quote';

/** How far a copy is. */
export interface CopyState {
  readonly copied: boolean;
  readonly rows: number;
}

interface Mark {
  readonly at: Key | null;
  readonly until: Key | null;
  readonly copied: boolean;
}

/** Copies the rows of one table by its key, chunk after chunk, from wherever somebody left off. */
export class Copier {
  private rows = 200;
  /** Where this process left it; null when that has to be read. */
  private known: Mark | null = null;

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
    return { more, tookMs: performance.now() - began };
  }

  private async chunk(): Promise<boolean> {
    this.known ??= await this.fence.transaction('READ COMMITTED', async () => await this.mark());
    const mark = this.known;
    if (mark.copied) return false;
    if (mark.until === null || (mark.at !== null && same(mark.at, mark.until))) return await this.end(mark);
    const { flow, live } = this.tables.forward;
    const { at, until } = mark;
    let to: Key | null = null;
    // Nobody else moves the mark as long as this process has the change, and each transaction begins with seeing to that.
    this.known = null;
    try {
      const tookMs = await this.fence.briskly(
        // The planner believes what it knew of both tables before they grew.
        'SET LOCAL enable_seqscan = off; ',
        keyAfter(flow, live, rangeOf(flow, at, until), this.rows),
        ([end]) => {
          to = (end?.key as Key | undefined) ?? until;
          return [this.insertion(at, to), this.advance(to, end === undefined ? this.counted(at, to) : `${this.rows}`)];
        },
      );
      // What is looked at before is not the rows' to answer for: a busy server would make chunks smaller and smaller.
      this.rows = nextChunk(this.rows, tookMs);
    } catch (error) {
      if (!isRefusal(error) || to === null) throw error;
      // A unique value that wandered, or a row that does not fit: told apart where the log is seen in the same snapshot.
      await this.slowly(at, to);
      return true;
    }
    this.known = { ...mark, at: to };
    return true;
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

  /**
   * What the log put there already is newer. Nobody else writes to the target while this session has the fence, so that
   * nothing can come between looking and inserting: ON CONFLICT would make every row twice as dear.
   */
  private insertion(from: Key | null, to: Key): string {
    const { flow, live, target } = this.tables.forward;
    const filled = implied(flow);
    const there = [onBothKeys(flow, 's', 't')];
    if (inOneOrder(flow)) there.push(rangeOf(flow, from, to, 'target', 't'));
    return (
      `INSERT INTO ${target} (${[...carriedNames(flow), ...filled.map(({ column }) => name(column))].join(', ')}) ` +
      `OVERRIDING SYSTEM VALUE SELECT ${[...carriedValues(flow, 's'), ...filled.map(({ value }) => value)].join(', ')} ` +
      `FROM ${live} s WHERE ${rangeOf(flow, from, to)} ` +
      `AND NOT EXISTS (SELECT FROM ${target} t WHERE ${there.join(' AND ')})`
    );
  }

  private async slowly(from: Key | null, to: Key): Promise<void> {
    const range = rangeOf(this.tables.forward.flow, from, to);
    await this.drainer.stepWithRange(
      range,
      async (rows) => void (await this.session.execute(this.advance(to, `${rows}`))),
    );
  }

  private counted(from: Key | null, to: Key): string {
    const { flow, live } = this.tables.forward;
    return `(SELECT count(*) FROM ${live} s WHERE ${rangeOf(flow, from, to)})`;
  }

  private advance(to: Key, rows: string): string {
    return (
      `UPDATE ${shadowTable(this.fence.changeId)} SET at = ARRAY[${to.map(literal).join(', ')}]::text[], ` +
      `rows_copied = rows_copied + ${rows} WHERE n = ${this.tables.n}`
    );
  }

  private async end(mark: Mark): Promise<false> {
    await this.fence.transaction('READ COMMITTED', async () => {
      await this.session.execute(
        `UPDATE ${shadowTable(this.fence.changeId)} SET copied = true WHERE n = ${this.tables.n}`,
      );
    });
    this.known = { ...mark, copied: true };
    return false;
  }
}
