import { setTimeout as sleep } from 'node:timers/promises';
import { Dialect } from '../../../domain/schema/model';
import { literal, name } from '../../../domain/schema/mysql/quote';
import { briefly, Errno } from './engine-session';
import { heldTables, referringTables } from './foreign-keys';
import { failing, settled, untilQueued, type Settled } from './in-line';
import { helperNames, inByteOrder } from './names';
import { ServerError, type Session } from './session';
import { commentOf } from './state';
import type { SwapParts } from './swap-parts';

/** Milliseconds that the renaming may wait for all its tables. */
const RENAME_MS = 150;

/** Milliseconds that a dead man's statement waits; longer than whatever it answers for. */
const DEAD_MAN_MS = 5_000;

/*
 * A RENAME that is interrupted while it is at work leaves tables with triggers half renamed (measured: the live name was
 * gone). So nothing that could end it may come before its locks are had or after: neither KILL nor max_statement_time.
 * Waiting for a lock it may be ended, by lock_wait_timeout, or by KILL where it is certain that it waits.
 */

/** Renames while several tables are held, ready before they are. */
export interface Renamer {
  /** Before the tables are locked. */
  ready(): Promise<void>;
  /**
   * Renames everything in one statement, while the engine's session holds the tables, and gives those up. Whoever asks for
   * a table after the renaming does gets it after the renaming.
   * @returns whether it is done.
   */
  rename(): Promise<boolean>;
  close(): Promise<void>;
}

/** Chooses how the tables of a change are renamed. */
export async function renamerOf(parts: SwapParts): Promise<Renamer> {
  if (parts.change.from.dialect === Dialect.mysql && parts.tables.length > 0) return locked(parts);
  const several = parts.tables.length > 1 || referringTables(parts.change).length > 0;
  return several && parts.tables.length > 0 ? await Together.open(parts) : alone(parts);
}

/** MySQL renames what the session itself has locked, and all of it or nothing, whatever ends it. */
function locked(parts: SwapParts): Renamer {
  const { engine, point } = parts;
  return {
    ready: async () => undefined,
    rename: async () => {
      await engine.execute('COMMIT');
      await point('swap.queued');
      await engine.execute(`RENAME TABLE ${pairs(parts).join(', ')}`);
      await point('swap.renamed');
      return true;
    },
    close: async () => undefined,
  };
}

/** The tables that are locked for a renaming beside the two sides of each shadow: those that come or go whole. */
export function lockedForNames({ change, direction }: SwapParts): string[] {
  if (change.from.dialect !== Dialect.mysql) return [];
  return change.operations.flatMap(({ object, kind, name: table }) => {
    if (object !== 'table' || kind === 'ALTER') return [];
    const { ghost, old } = helperNames(table);
    if (kind === 'CREATE') return [direction === 'forward' ? ghost : table];
    return [direction === 'forward' ? table : old];
  });
}

/** Nobody but those who wait for the one table can come before the renaming. */
function alone(parts: SwapParts): Renamer {
  const { engine, renamer, watcher, point, tables } = parts;
  return {
    ready: async () => undefined,
    rename: async () => {
      if (pairs(parts).length === 0) return true;
      const renaming = settled(renamer.execute(`RENAME TABLE ${pairs(parts).join(', ')}`));
      if (tables.length > 0) {
        await untilQueued(watcher, renamer, renaming);
        await point('swap.queued');
        await engine.execute('COMMIT');
        await engine.execute('UNLOCK TABLES');
      }
      const done = await renaming.outcome;
      if (done) await point('swap.renamed');
      return done;
    },
    close: async () => undefined,
  };
}

/** Who holds a table that is itself renamed until the renaming stands in line for it. */
interface Keeper {
  readonly table: string;
  /** A name that is taken; `holder` locks what has it. */
  readonly taken: string;
  readonly holder: Session;
  readonly renamer: Session;
}

/** Who holds a table that refers to one that is renamed until the renaming is over. */
interface Locker {
  readonly table: string;
  readonly session: Session;
}

/**
 * The server locks the tables of a RENAME one after the other. While it waits for the first, others are held for it: by
 * renamings onto names that are taken, which hold what they would rename, wait for what has the name, and fail. (LOCK TABLES
 * would want the tables of foreign keys and triggers too, which may be among those that are to be renamed.) And because
 * somebody might still write to one of them in between, it waits for a last one, a ticket, once it has them all.
 * Only if no note was written meanwhile is the ticket given up. Should this process end before, the ticket is dropped by a
 * statement that waits before the renaming, which then finds no ticket and does nothing.
 *
 * Of each table that refers to a renamed one the storage engine locks all rows, for each pair of names anew, while the
 * renaming is at work. A transaction that has written there and waits behind the renaming would end it by a timeout, half
 * done (measured: the live name was gone). So nobody may be there all the time, and LOCK TABLES is what the renaming does not
 * wait for, where a session that commits by itself has it: others hold the rows as well.
 */
class Together implements Renamer {
  private readonly live: readonly string[];
  private readonly ticket: string;
  private readonly used: string;
  /** The side that follows the last of the tables: it comes after all of them in the order of the locks. */
  private readonly behind: string;
  private dropping: Settled | null = null;

  private constructor(
    private readonly parts: SwapParts,
    private readonly holder: Session,
    private readonly deadMan: Session,
    private readonly keepers: readonly Keeper[],
    private readonly lockers: readonly Locker[],
  ) {
    this.live = inByteOrder(parts.tables.map(({ route }) => route.live));
    const { route } = parts.tables.find((table) => table.route.live === this.live.at(-1))!;
    const { ticket, usedTicket } = helperNames(route.live);
    [this.ticket, this.used, this.behind] = [name(ticket), name(usedTicket), name(route.target)];
  }

  static async open(parts: SwapParts): Promise<Together> {
    const open = async (): Promise<Session> => {
      const session = await parts.open();
      await session.execute('SET lock_wait_timeout = 1');
      return session;
    };
    const [, ...later] = inByteOrder(parts.tables.map(({ route }) => route.live));
    const keepers = later.map(async (table) => {
      const own = { table: name(table), taken: name(helperNames(table).taken) };
      return { ...own, holder: await open(), renamer: await open() };
    });
    const lockers = heldTables(parts.change).map(async (table) => ({ table: name(table), session: await open() }));
    const [holder, deadMan] = [await open(), await open()];
    await deadMan.execute('SET lock_wait_timeout = 60');
    return new Together(parts, holder, deadMan, await Promise.all(keepers), await Promise.all(lockers));
  }

  async ready(): Promise<void> {
    const { watcher, change } = this.parts;
    for (const holder of [this.holder, ...this.keepers.map((keeper) => keeper.holder)])
      await holder.execute('UNLOCK TABLES');
    await this.dropping?.outcome;
    await watcher.execute(`DROP TABLE IF EXISTS ${this.used}`);
    const comment = literal(commentOf(change));
    for (const table of [this.ticket, ...this.keepers.map(({ taken }) => taken)])
      await watcher.execute(`CREATE TABLE IF NOT EXISTS ${table} (id INT) ENGINE=InnoDB COMMENT=${comment}`);
    for (const { holder, taken } of this.keepers) await holder.execute(`LOCK TABLES ${taken} WRITE`);
    await this.holder.execute(`LOCK TABLES ${this.ticket} WRITE`);
    this.dropping = settled(briefly(this.deadMan, `DROP TABLE ${this.ticket}`, DEAD_MAN_MS));
    await untilQueued(watcher, this.deadMan, this.dropping);
  }

  async rename(): Promise<boolean> {
    const { parts, keepers, lockers, dropping } = this;
    const { engine, renamer, watcher, point } = parts;
    const keeping = keepers.map(({ renamer: session, table, taken }) => ({
      ...{ session, kept: failing(session.execute(`RENAME TABLE ${table} TO ${taken}`)) },
    }));
    const locking = lockers.map(({ session, table }) => ({
      ...{ session, kept: settled(session.execute(`LOCK TABLES ${table} WRITE`)) },
    }));
    for (const { session, kept } of [...keeping, ...locking]) await untilQueued(watcher, session, kept);
    // The ticket first, so that nothing is renamed where there is none; locked are they by their names.
    const statement = `RENAME TABLE ${[`${this.ticket} TO ${this.used}`, ...pairs(parts)].join(', ')}`;
    const renaming = settled(renamer.execute(statement));
    try {
      await untilQueued(watcher, renamer, renaming);
      await point('swap.queued');
      await engine.execute('COMMIT');
      await engine.execute('UNLOCK TABLES');
      for (const { holder } of keepers) {
        // By then it stands in line behind this keeper; if not, the notes tell.
        await sleep(1);
        await holder.execute('UNLOCK TABLES');
      }
      if (!(await this.hasAll(renaming)) || (await notes(parts)) > 0) return await this.abandon(renaming);
      await point('swap.held');
      await watcher.execute(`KILL QUERY ${this.deadMan.id}`);
      if (await dropping!.outcome) return await this.abandon(renaming);
      await this.holder.execute('UNLOCK TABLES');
      const done = await renaming.outcome;
      if (done) await point('swap.renamed');
      return done;
    } finally {
      for (const { holder } of keepers) await holder.execute('UNLOCK TABLES');
      for (const { kept } of [...keeping, ...locking]) await kept.outcome;
      for (const { session } of lockers) await session.execute('UNLOCK TABLES');
    }
  }

  /** Ends the renaming, which waits for the ticket at the most. @returns whether it was done nevertheless. */
  private async abandon({ outcome, isSettled }: Settled): Promise<boolean> {
    if (!isSettled()) await this.parts.watcher.execute(`KILL QUERY ${this.parts.renamer.id}`);
    return await outcome;
  }

  /** Whether the renaming has every live table before long. */
  private async hasAll({ isSettled }: Settled): Promise<boolean> {
    const { watcher } = this.parts;
    const until = performance.now() + RENAME_MS;
    await watcher.execute('SET lock_wait_timeout = 0');
    try {
      while (!isSettled() && performance.now() < until)
        try {
          await watcher.query(`SELECT 1 FROM ${this.behind} LIMIT 0`);
          await sleep(1);
        } catch (error) {
          if (error instanceof ServerError && error.errno === Errno.lockWaitTimeout) return true;
          throw error;
        }
      return false;
    } finally {
      await watcher.execute('SET lock_wait_timeout = 1');
    }
  }

  async close(): Promise<void> {
    const kept = this.keepers.flatMap(({ holder, renamer }) => [holder, renamer]);
    const locking = this.lockers.map(({ session }) => session);
    for (const session of [this.holder, this.deadMan, ...kept, ...locking]) session.destroy();
    await this.dropping?.outcome.catch(() => undefined);
  }
}

async function notes({ watcher, tables }: SwapParts): Promise<number> {
  const counts = tables.map(({ route }) => `(SELECT COUNT(*) FROM ${name(route.log)})`);
  const [row] = await watcher.query(`SELECT ${counts.join(' + ')} AS n`);
  return Number(row!.n);
}

function pairs({ change, direction }: SwapParts): string[] {
  return change.operations.flatMap(({ object, kind, name: table, way }) => {
    if (object !== 'table' || (way === 'instant' && kind === 'ALTER')) return [];
    const { ghost, old } = helperNames(table);
    const pair = (from: string, to: string): string => `${name(from)} TO ${name(to)}`;
    const [away, in_] = direction === 'forward' ? [old, ghost] : [ghost, old];
    const gone = direction === 'forward' ? kind !== 'CREATE' : kind !== 'DROP';
    const comes = direction === 'forward' ? kind !== 'DROP' : kind !== 'CREATE';
    return [...(gone ? [pair(table, away)] : []), ...(comes ? [pair(in_, table)] : [])];
  });
}
