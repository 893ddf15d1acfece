import { setTimeout as sleep } from 'node:timers/promises';
import { name } from '../../../domain/schema/mysql/quote';
import { briefly, Errno, isPassing } from './engine-session';
import { helperNames, inByteOrder } from './names';
import { ServerError, type Session } from './session';
import type { SwapParts } from './swap';

/** Milliseconds that the renaming itself may wait and take. */
const RENAME_MS = 300;

/** Milliseconds that a dead man's statement waits; longer than whatever it answers for. */
const DEAD_MAN_MS = 5_000;

/**
 * Renames everything in one statement, while the engine's session holds the tables, and gives those up. Whoever asks for a
 * table after the renaming does gets it after the renaming.
 * @returns whether it is done.
 */
export async function renameAll(parts: SwapParts): Promise<boolean> {
  if (parts.tables.length > 1) return await renameTogether(parts);
  const { engine, renamer, point } = parts;
  const renaming = settled(briefly(renamer, `RENAME TABLE ${pairs(parts).join(', ')}`, RENAME_MS));
  if (parts.tables.length === 1) {
    await untilQueued(parts, renamer, renaming);
    await point('swap.queued');
    await engine.execute('COMMIT');
    await engine.execute('UNLOCK TABLES');
  }
  const done = await renaming.outcome;
  if (done) await point('swap.renamed');
  return done;
}

/**
 * The server locks the tables of a RENAME one after the other. While it waits for the first, others are held for it; and
 * because somebody might still write to one of them in between, it waits for a last one, a ticket, once it has them all.
 * Only if no note was written meanwhile is the ticket given up. Should this process end before, the ticket is dropped by a
 * statement that waits before the renaming, which then finds no ticket and does nothing.
 */
async function renameTogether(parts: SwapParts): Promise<boolean> {
  const { engine, renamer, watcher, tables, point } = parts;
  const live = inByteOrder(tables.map(({ route }) => route.live));
  const last = tables.find(({ route }) => route.live === live.at(-1))!.route;
  const { ticket, usedTicket } = helperNames(last.live);
  const [holder, deadMan, ...keepers] = await Promise.all([0, ...live].map(async () => await parts.open()));
  const all = [holder!, deadMan!, ...keepers];
  try {
    await watcher.execute(`DROP TABLE IF EXISTS ${name(usedTicket)}`);
    await watcher.execute(
      `CREATE TABLE IF NOT EXISTS ${name(ticket)} (id INT) ENGINE=InnoDB COMMENT='gatewright change ${parts.change.id}'`,
    );
    await holder!.execute(`LOCK TABLES ${name(ticket)} WRITE`);
    const dropping = settled(briefly(deadMan!, `DROP TABLE ${name(ticket)}`, DEAD_MAN_MS));
    await untilQueued(parts, deadMan!, dropping);
    const keeping = [];
    for (const [i, keeper] of keepers.entries()) {
      const kept = settled(briefly(keeper, `LOCK TABLES ${name(live[i + 1]!)} WRITE`, RENAME_MS));
      await untilQueued(parts, keeper, kept);
      keeping.push(kept);
    }
    // First, so that nothing is renamed yet where there is no ticket; the locks are taken by name.
    const statement = `RENAME TABLE ${[`${name(ticket)} TO ${name(usedTicket)}`, ...pairs(parts)].join(', ')}`;
    const renaming = settled(briefly(renamer, statement, RENAME_MS));
    await untilQueued(parts, renamer, renaming);
    await point('swap.queued');
    await engine.execute('COMMIT');
    await engine.execute('UNLOCK TABLES');
    for (const [i, keeper] of keepers.entries()) {
      if (!(await keeping[i]!.outcome)) return await abandon(parts, renaming);
      // By then it stands behind this keeper; if not, the notes tell.
      await sleep(1);
      await keeper.execute('UNLOCK TABLES');
    }
    if (!(await holdsAll(parts, last.target, renaming)) || (await notes(parts)) > 0)
      return await abandon(parts, renaming);
    await point('swap.held');
    await watcher.execute(`KILL QUERY ${deadMan!.id}`);
    if (await dropping.outcome) return await abandon(parts, renaming);
    await holder!.execute('UNLOCK TABLES');
    const done = await renaming.outcome;
    if (done) await point('swap.renamed');
    return done;
  } finally {
    for (const session of all) session.destroy();
  }
}

/** Ends the renaming. @returns whether it was done nevertheless. */
async function abandon({ watcher, renamer }: SwapParts, { outcome, isSettled }: Settled): Promise<boolean> {
  if (!isSettled()) await watcher.execute(`KILL QUERY ${renamer.id}`).catch(() => undefined);
  return await outcome;
}

/**
 * Whether the renaming has every live table, or ends. The side that follows the last of them comes after all of them in the
 * order of the locks, and nobody else asks for it.
 */
async function holdsAll({ watcher }: SwapParts, target: string, { isSettled }: Settled): Promise<boolean> {
  await watcher.execute('SET lock_wait_timeout = 0');
  try {
    while (!isSettled())
      try {
        await watcher.query(`SELECT 1 FROM ${name(target)} LIMIT 0`);
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

async function notes({ watcher, tables }: SwapParts): Promise<number> {
  const counts = tables.map(({ route }) => `(SELECT COUNT(*) FROM ${name(route.log)})`);
  const [row] = await watcher.query(`SELECT ${counts.join(' + ')} AS n`);
  return Number(row!.n);
}

interface Settled {
  /** Whether it succeeded; what may work another time is no error. */
  readonly outcome: Promise<boolean>;
  readonly isSettled: () => boolean;
}

function settled(statement: Promise<unknown>): Settled {
  let over = false;
  const outcome = statement.then(
    () => true,
    (error: unknown) => {
      if (isPassing(error)) return false;
      throw error;
    },
  );
  const end = (): void => void (over = true);
  outcome.then(end, end);
  return { outcome, isSettled: () => over };
}

/** Waits until a statement stands in line for its locks; whoever comes later stands behind it. */
async function untilQueued({ watcher }: SwapParts, session: Session, { outcome, isSettled }: Settled): Promise<void> {
  while (!isSettled()) {
    const rows = await watcher.query(
      "SELECT 1 FROM information_schema.processlist WHERE id = ? AND state LIKE 'Waiting for table metadata lock%'",
      [session.id],
    );
    if (rows.length > 0) return;
    await sleep(1);
  }
  await outcome;
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
