import { Failure } from '../../../domain/failures';
import { nextChunk } from '../../../domain/schema/pace';
import { name } from '../../../domain/schema/mysql/quote';
import { applyBatch, createBatchTables, discardBatch, emptyBatch, gatherRows, readBatch } from './batch';
import type { Read, Route, Selection } from './batch';
import { Errno, isPassing, transaction } from './engine-session';
import { text } from './rows';
import { ServerError, type Session } from './session';
import { byKey, keyParts, onKey } from './sql';
import type { Fence } from './state';

/** Notes that the first batch takes. */
const BATCH = 1_000;

/** What a batch costs by itself is shared by this many notes; with fewer, whoever is slow would only become slower. */
const SMALLEST_BATCH = 500;

/** Milliseconds that a batch may take while more notes wait: it holds no row of users. */
const BUDGET_MS = 100;

/**
 * Milliseconds for which the log is read on from the last note that was taken. A note may come to light behind that, where
 * a long transaction wrote it; and notes that were taken may stay in the way of whoever reads the log from its beginning,
 * for as long as somebody might still want to see them.
 */
const ONWARDS_MS = 1_000;

/** Before every note. */
const BEGINNING = '0';

/** Rows that do not fit before it is given up to go on with the others: then the change itself is wrong. */
const MOST_FAILED = 1_000;

/** Follows one log: sets the side that follows right from the live one, batch by batch. */
export class Drainer {
  private made = false;
  /** Whether something of another batch may be left. */
  private used = false;
  private batch = BATCH;
  private all = false;
  private caught = false;
  /** Whether keys moved by notes of the batch before. */
  private moving = false;
  /** The note from which the log is read on, and when it was last read from its beginning. */
  private beyond = BEGINNING;
  private begunAt = -Infinity;

  constructor(
    private readonly session: Session,
    private readonly fence: Fence,
    private readonly route: Route,
    private readonly failed: string,
  ) {}

  /** Makes ready what a batch needs, so that none of it has to be done while others wait. */
  async ready(): Promise<void> {
    if (!this.made) await createBatchTables(this.session, this.route);
    else if (this.used) await emptyBatch(this.session, this.route);
    [this.made, this.used] = [true, false];
  }

  /** Whether the last step took all that there was, as only one can that was told to look at all. */
  get tookAll(): boolean {
    return this.all;
  }

  /** Whether the last step took all that it saw, though a note may have come to light behind those. */
  get caughtUp(): boolean {
    return this.caught;
  }

  /**
   * Takes one batch. What a row's new form cannot hold is noted as failed, by its key, and nothing else waits for it.
   * @param whole whether to look at the log from its beginning: for whoever must know that nothing is left.
   * @returns how many notes it took; 0 when none was there.
   * @throws Failure CONFLICT when another process has taken over, ROWS_REFUSED when too many rows do not fit.
   */
  async step(whole = false): Promise<number> {
    await this.ready();
    [this.all, this.caught] = [false, false];
    const began = performance.now();
    if (whole || began - this.begunAt > ONWARDS_MS) this.beyond = BEGINNING;
    const fromBeginning = this.beyond === BEGINNING;
    if (fromBeginning) this.begunAt = began;
    const first = { first: this.batch, beyond: this.beyond };
    for (const [selection, remade] of [
      [first, false],
      [first, true],
      ['all', true],
    ] as const) {
      try {
        const { taken, last, everything } = await this.apply(selection, remade);
        this.caught = everything || taken < this.batch;
        this.all = this.caught && (everything || fromBeginning);
        this.beyond = last ?? BEGINNING;
        // Those that were noted often are set right once; so many notes are followed faster than few.
        if (taken >= this.batch)
          this.batch = Math.max(nextChunk(this.batch, performance.now() - began, BUDGET_MS), SMALLEST_BATCH);
        return taken;
      } catch (error) {
        if (!(error instanceof ServerError) || error.fatal || isPassing(error)) throw error;
        // One unique value that passes from row to row looks like a duplicate in between.
        if (error.errno !== Errno.duplicateKey) break;
      }
    }
    this.beyond = BEGINNING;
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

  private async apply(selection: Selection, remade: boolean): Promise<Read & { readonly everything: boolean }> {
    return await transaction(this.session, async () => {
      await this.fence.hold();
      // Values that wander between rows can only be followed where all that happened to them is seen at once.
      const carries = selection !== 'all' && 'first' in selection && this.route.flow.own.length > 0;
      let taken = carries && this.moving ? 'all' : selection;
      let read = await this.read(taken);
      // Looked for after the rows were read: what moved before that is noted by now.
      if (carries && taken !== 'all' && (read.moves || (await this.hasMoves()))) {
        this.moving = true;
        taken = 'all';
        read = await this.read(taken);
      }
      if (read.taken > 0) {
        await gatherRows(this.session, this.route);
        await applyBatch(this.session, this.route, read.moves, remade);
        await this.forget(read.failed);
      }
      return { ...read, everything: taken === 'all' };
    });
  }

  private async hasMoves(): Promise<boolean> {
    const rows = await this.session.query(`SELECT 1 FROM ${name(this.route.log)} WHERE op = 'm' LIMIT 1`);
    return rows.length > 0;
  }

  /** Reads moves as what they are where there were some before, or are some now. */
  private async read(selection: Selection): Promise<Read> {
    const read = async (moves: boolean): Promise<Read> => {
      if (this.used) await discardBatch(this.session, this.route);
      this.used = true;
      return await readBatch(this.session, this.route, this.failed, selection, moves);
    };
    const before = this.moving;
    let found = await read(before);
    if (found.moves && !before) found = await read(true);
    this.moving = found.moves;
    return found;
  }

  /** Removes exactly the notes that were read, and what was noted against their rows. */
  private async forget(anyFailed: boolean): Promise<void> {
    const { flow, log, tag } = this.route;
    const [noted, failed] = [`noted${tag}`, `failed${tag}`];
    await this.session.execute(
      `DELETE ${noted} FROM gw_notes${tag} STRAIGHT_JOIN ${name(log)} AS ${noted} FORCE INDEX (PRIMARY) ON ${noted}.id = gw_notes${tag}.note`,
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
      await this.read({ first: this.batch, beyond: BEGINNING });
      await gatherRows(this.session, this.route);
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
      await gatherRows(this.session, this.route);
      if (flow.direction === 'forward')
        await this.session.execute(
          `DELETE target${tag} FROM gw_rows${tag} STRAIGHT_JOIN ${name(target)} AS target${tag}${byKey(flow, 'target')} ON ${onKey(flow, 'target', `target${tag}`, `gw_rows${tag}`)}`,
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
