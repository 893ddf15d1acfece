import { Failure } from '../../../domain/failures';
import { nextChunk } from '../../../domain/schema/pace';
import { name } from '../../../domain/schema/mysql/quote';
import { applyBatch, createBatchTables, emptyBatch, lookAt, readBatch, type Route, type Selection } from './batch';
import { Errno, isPassing, transaction } from './engine-session';
import { text } from './rows';
import { ServerError, type Session } from './session';
import { keyParts, onKey } from './sql';
import type { Fence } from './state';

/** Notes that the first batch takes. */
const BATCH = 500;

/** What a batch costs by itself is shared by this many notes; with fewer, whoever is slow would only become slower. */
const SMALLEST_BATCH = 500;

/** Rows that do not fit before it is given up to go on with the others: then the change itself is wrong. */
const MOST_FAILED = 1_000;

/** Follows one log: sets the side that follows right from the live one, batch by batch. */
export class Drainer {
  private made = false;
  /** Whether something of another batch may be left. */
  private used = false;
  private batch = BATCH;
  private all = false;

  constructor(
    private readonly session: Session,
    private readonly fence: Fence,
    private readonly route: Route,
    private readonly failed: string,
  ) {}

  /** How many notes wait. */
  async length(): Promise<number> {
    const [row] = await this.session.query(`SELECT COUNT(*) AS n FROM ${name(this.route.log)}`);
    await this.session.execute('COMMIT');
    return Number(row!.n);
  }

  /** Makes ready what a batch needs, so that none of it has to be done while others wait. */
  async ready(): Promise<void> {
    if (!this.made) await createBatchTables(this.session, this.route);
    else if (this.used) await transaction(this.session, async () => await emptyBatch(this.session, this.route));
    [this.made, this.used] = [true, false];
  }

  /** Whether the last step took all that there was. */
  get tookAll(): boolean {
    return this.all;
  }

  /**
   * Takes one batch. What a row's new form cannot hold is noted as failed, by its key, and nothing else waits for it.
   * @returns how many notes it took; 0 when none was there.
   * @throws Failure CONFLICT when another process has taken over, ROWS_REFUSED when too many rows do not fit.
   */
  async step(): Promise<number> {
    if (!this.made) await this.ready();
    this.all = false;
    for (const [selection, remade] of [
      [{ first: this.batch }, false],
      [{ first: this.batch }, true],
      ['all', true],
    ] as const) {
      try {
        const began = performance.now();
        const taken = await this.apply(selection, remade);
        this.all = selection === 'all' || taken < this.batch;
        // Those that were noted often are set right once; so many notes are followed faster than few.
        if (taken >= this.batch)
          this.batch = Math.max(nextChunk(this.batch, performance.now() - began), SMALLEST_BATCH);
        return taken;
      } catch (error) {
        if (!(error instanceof ServerError) || error.fatal || isPassing(error)) throw error;
        // One unique value that passes from row to row looks like a duplicate in between.
        if (error.errno !== Errno.duplicateKey) break;
      }
    }
    return await this.oneByOne();
  }

  /** Puts the failed rows back into the log, to be tried again. */
  async retryFailed(): Promise<void> {
    const keys = keyParts(this.route.flow).join(', ');
    await transaction(this.session, async () => {
      await this.fence.hold();
      await this.session.execute(
        `INSERT INTO ${name(this.route.log)} (op, ${keys}) SELECT 'u', ${keys} FROM ${name(this.failed)}`,
      );
    });
  }

  /** @returns how many notes it took. */
  private async apply(selection: Selection, remade: boolean): Promise<number> {
    return await transaction(this.session, async () => {
      await this.fence.hold();
      const seen = await lookAt(this.session, this.route, this.failed);
      if (!seen.notes) return 0;
      let taken = await this.read(selection);
      // Values that wander between rows can only be followed where all that happened to them is seen at once. Looked for
      // after the rows were read: what moved before that is noted by now.
      const some = selection !== 'all' && 'first' in selection && this.route.flow.own.length > 0;
      if (some && (await this.hasMoves())) taken = await this.read('all');
      if (taken > 0) {
        await applyBatch(this.session, this.route, remade);
        await this.forget(seen.failed);
      }
      return taken;
    });
  }

  private async hasMoves(): Promise<boolean> {
    const rows = await this.session.query(`SELECT 1 FROM ${name(this.route.log)} WHERE op = 'm' LIMIT 1`);
    return rows.length > 0;
  }

  private async read(selection: Selection): Promise<number> {
    if (this.used) await emptyBatch(this.session, this.route);
    this.used = true;
    return await readBatch(this.session, this.route, selection);
  }

  /** Removes exactly the notes that were read, and what was noted against their rows. */
  private async forget(anyFailed: boolean): Promise<void> {
    const { flow, log, tag } = this.route;
    const [noted, failed] = [`noted${tag}`, `failed${tag}`];
    await this.session.execute(
      `DELETE ${noted} FROM gw_notes${tag} STRAIGHT_JOIN ${name(log)} AS ${noted} ON ${noted}.id = gw_notes${tag}.note`,
    );
    if (!anyFailed) return;
    await this.session.execute(
      `DELETE ${failed} FROM ${name(this.failed)} AS ${failed} JOIN gw_rows${tag} ON ${keyParts(flow)
        .map((key) => `${failed}.${key} = gw_rows${tag}.${key}`)
        .join(' AND ')}`,
    );
  }

  /** Finds the rows that do not fit, by halves, and lets the others pass. */
  private async oneByOne(): Promise<number> {
    const groups = await this.keys();
    await this.halve(groups);
    return groups.flat().length;
  }

  /** The notes of the next batch by their keys; those of keys between which something moved belong together. */
  private async keys(): Promise<string[][]> {
    const { tag } = this.route;
    const groups = await transaction(this.session, async () => {
      await this.fence.hold();
      await this.read({ first: this.batch });
      return await this.session.query(
        `SELECT HEX(MIN(handle)) AS handle, CAST(note AS CHAR) AS note FROM gw_notes${tag} GROUP BY note`,
      );
    });
    const byKey = new Map<string, string[]>();
    for (const { handle, note } of groups) byKey.set(text(handle), [...(byKey.get(text(handle)) ?? []), text(note)]);
    return [...byKey.values()];
  }

  private async halve(groups: readonly (readonly string[])[]): Promise<void> {
    if (groups.length === 0) return;
    try {
      await this.apply({ ids: groups.flat() }, false);
    } catch (error) {
      if (!(error instanceof ServerError) || error.fatal || isPassing(error)) throw error;
      if (groups.length === 1) return await this.refuse(groups[0]!, error);
      const middle = groups.length >> 1;
      await this.halve(groups.slice(0, middle));
      await this.halve(groups.slice(middle));
    }
  }

  /** Notes a row that does not fit. Its old form goes, so that its unique values are in nobody's way. */
  private async refuse(ids: readonly string[], { errno, message }: ServerError): Promise<void> {
    const { flow, target, tag } = this.route;
    const keys = keyParts(flow).join(', ');
    const many = await transaction(this.session, async () => {
      await this.fence.hold();
      await this.read({ ids });
      if (flow.direction === 'forward')
        await this.session.execute(
          `DELETE target${tag} FROM gw_rows${tag} STRAIGHT_JOIN ${name(target)} AS target${tag} ON ${onKey(flow, 'target', `target${tag}`, `gw_rows${tag}`)}`,
        );
      await this.forget(true);
      await this.session.execute(
        `INSERT INTO ${name(this.failed)} (errno, message, ${keys}) SELECT ${errno}, ?, ${keys} FROM gw_rows${tag}`,
        [message.slice(0, 1_000)],
      );
      const [row] = await this.session.query(`SELECT COUNT(*) AS n FROM ${name(this.failed)}`);
      return Number(row!.n);
    });
    if (many > MOST_FAILED)
      throw new Failure('ROWS_REFUSED', `more than ${MOST_FAILED} rows do not fit; the last one: ${message}`);
  }
}
