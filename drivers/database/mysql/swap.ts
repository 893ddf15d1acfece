import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import type { Swapped, SwapOptions } from '../engine';
import { locksOf, type Route } from './batch';
import { blockersOf, endSessions } from './blockers';
import type { Drainer } from './drain';
import { isPassing } from './engine-session';
import { helperNames } from './names';
import { text } from './rows';
import { ServerError, type Session } from './session';

/** Milliseconds that an attempt waits for its locks: everybody who comes meanwhile waits behind it. */
const LOCK_ATTEMPT_MS = 80;

/** Notes that may wait when the locks are asked for; they are followed while everybody waits. */
const FEW = 100;

/** Rounds of following before it is said that the writers are faster. */
const ROUNDS = 400;

/** The number of a statement that was ended by somebody else. */
const INTERRUPTED = 1317;

/** One table of a swap. */
export interface SwapTable {
  readonly route: Route;
  readonly failed: string;
  readonly drainer: Drainer;
  /** @throws Failure CHANGE_DRIFTED when the live table was changed behind the triggers. */
  checkDrift(): Promise<void>;
}

/** What a swap works with. The engine's session holds the locks, another renames, and one looks on. */
export interface SwapParts {
  readonly change: PlannedChange;
  readonly direction: Direction;
  readonly engine: Session;
  readonly renamer: Session;
  readonly watcher: Session;
  readonly state: string;
  readonly tables: readonly SwapTable[];
  readonly onPoint: (point: string) => Promise<void>;
}

/** Swaps all tables of a change in one moment. @throws Failure CHANGE_BLOCKED, CHANGE_BEHIND, CHANGE_DRIFTED, ROWS_REFUSED */
export async function swap(parts: SwapParts, options: SwapOptions, signal: AbortSignal): Promise<Swapped> {
  const deadline = performance.now() + options.deadlineMs;
  for (let attempts = 1; ; attempts++) {
    signal.throwIfAborted();
    for (const table of parts.tables) await followClosely(table, signal);
    await matchCounters(parts);
    const stallMs = await attempt(parts);
    if (stallMs !== null) return { stallMs, attempts };
    if (options.force) await endSessions(parts.watcher, await blockersOf(parts.watcher, namesOf(parts)));
    if (performance.now() > deadline) throw await blocked(parts, attempts);
    // Longer and longer pauses, so that whoever holds the tables gets on.
    await sleep(20 + Math.random() * Math.min(50 * attempts, 1_000), undefined, { signal });
  }
}

function namesOf({ change }: SwapParts): string[] {
  return change.operations.map((operation) => operation.name);
}

async function blocked({ watcher, ...parts }: SwapParts, attempts: number): Promise<Failure> {
  const blockers = await blockersOf(watcher, namesOf({ watcher, ...parts }));
  const who = blockers.map(({ session, user, ageSeconds, query }) => `${session} (${user}, ${ageSeconds} s): ${query}`);
  return new Failure(
    'CHANGE_BLOCKED',
    `the locks were not to be had in ${attempts} attempts; ${who.join('; ') || 'nobody is seen to hold them for long'}`,
    {
      data: { blockers },
    },
  );
}

/** Follows the log until little waits. @throws Failure CHANGE_BEHIND */
async function followClosely({ drainer }: SwapTable, signal: AbortSignal): Promise<void> {
  for (let round = 1; (await drainer.length()) > FEW; round++) {
    signal.throwIfAborted();
    if (round > ROUNDS) throw new Failure('CHANGE_BEHIND', 'rows change faster than they can be followed');
    await drainer.step();
  }
}

/** Ids that were given out and rolled back must not be given out again. */
async function matchCounters({ engine, tables }: SwapParts): Promise<void> {
  for (const { route } of tables) {
    const [row] = await engine.query(
      'SELECT auto_increment AS next FROM information_schema.tables WHERE table_schema = database() AND table_name = ?',
      [route.live],
    );
    await engine.execute('COMMIT');
    if (row?.next === null || row?.next === undefined) continue;
    if (!route.flow.target.columns.some(({ identity }) => identity !== null)) continue;
    await engine.execute(`ALTER TABLE ${name(route.target)} AUTO_INCREMENT = ${text(row.next)}`);
  }
}

/** @returns milliseconds that writers waited at most, or null where the locks were not to be had. */
async function attempt(parts: SwapParts): Promise<number | null> {
  const { engine, renamer, tables, onPoint } = parts;
  const began = performance.now();
  if (tables.length > 0 && !(await lock(parts))) return null;
  let renaming: Promise<unknown> | undefined;
  try {
    await onPoint('swap:locked');
    for (const table of tables) {
      while ((await table.drainer.step()) > 0);
      const [row] = await engine.query(`SELECT COUNT(*) AS n FROM ${name(table.failed)}`);
      if (Number(row!.n) > 0)
        throw new Failure('ROWS_REFUSED', `${Number(row!.n)} rows of ${table.route.live} do not fit their new form`);
      await table.checkDrift();
    }
    await onPoint('swap:drained');
    renaming = renamer.execute(`RENAME TABLE ${renames(parts).join(', ')}`);
    renaming.catch(() => undefined);
    if (tables.length > 0) await untilQueued(parts, renaming);
    await onPoint('swap:queued');
    await engine.execute('COMMIT');
    if (tables.length > 0) await engine.execute('UNLOCK TABLES');
    await renaming;
    await onPoint('swap:renamed');
    return performance.now() - began;
  } catch (error) {
    if (renaming) await parts.watcher.execute(`KILL QUERY ${renamer.id}`).catch(() => undefined);
    await engine.execute('UNLOCK TABLES').catch(() => undefined);
    await renaming?.catch(() => undefined);
    if (isPassing(error)) return null;
    throw error;
  }
}

async function lock({ engine, watcher, tables, state }: SwapParts): Promise<boolean> {
  const list = tables.map(({ route, failed }) => locksOf(route, failed));
  const locking = engine.execute(`LOCK TABLES ${list.join(', ')}, ${name(state)} WRITE`);
  const timer = setTimeout(
    () => void watcher.execute(`KILL QUERY ${engine.id}`).catch(() => undefined),
    LOCK_ATTEMPT_MS,
  );
  try {
    await locking;
    return true;
  } catch (error) {
    if (isPassing(error) || (error instanceof ServerError && error.errno === INTERRUPTED)) return false;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Whoever comes after the renaming waits behind it; so it has to wait before the locks are given up. */
async function untilQueued({ renamer, watcher }: SwapParts, renaming: Promise<unknown>): Promise<void> {
  let failed: unknown;
  renaming.catch((error: unknown) => (failed = error));
  for (;;) {
    if (failed) throw failed;
    const rows = await watcher.query(
      "SELECT 1 FROM information_schema.processlist WHERE id = ? AND state LIKE 'Waiting for table metadata lock%'",
      [renamer.id],
    );
    if (rows.length > 0) return;
    await sleep(1);
  }
}

function renames({ change, direction }: SwapParts): string[] {
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
