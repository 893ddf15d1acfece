import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/mysql/quote';
import type { Swapped, SwapOptions } from '../engine';
import { locksOf } from './batch';
import { blockersOf, endSessions } from './blockers';
import { briefly, isPassing } from './engine-session';
import { connect, connectSides, disconnect, lockedForKeys } from './foreign-keys';
import { lockedForNames, renamerOf, type Renamer } from './rename';
import { text } from './rows';
import type { SwapParts, SwapTable } from './swap-parts';

/** Notes that may wait when the locks are asked for, and milliseconds that following them may take: everybody waits. */
const FEW = 100;
const SHORT_MS = 15;

/** Milliseconds of following before it is said that the writers are faster. */
const BEHIND_MS = 15_000;

/** Milliseconds that everybody may be held up by following; then it is tried again. */
const HELD_MS = 100;

/** Swaps all tables of a change in one moment. @throws Failure CHANGE_BLOCKED, CHANGE_BEHIND, CHANGE_DRIFTED, ROWS_REFUSED */
export async function swap(parts: SwapParts, options: SwapOptions, signal: AbortSignal): Promise<Swapped> {
  const renamer = await renamerOf(parts);
  try {
    await connectSides(parts.engine, parts.change, parts.direction, signal);
    return await attempts(parts, renamer, options, signal);
  } finally {
    await renamer.close();
  }
}

async function attempts(
  parts: SwapParts,
  renamer: Renamer,
  options: SwapOptions,
  signal: AbortSignal,
): Promise<Swapped> {
  const deadline = performance.now() + options.deadlineMs;
  let stallMs = 0;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    for (const table of parts.tables) await followClosely(table, signal);
    await renamer.ready();
    // What came while that was made.
    for (const { drainer } of parts.tables) await drainer.step();
    for (const { drainer } of parts.tables) await drainer.ready();
    await parts.point('swap.begin');
    const began = performance.now();
    const done = await tryOnce(parts, renamer, options, signal);
    stallMs = Math.max(stallMs, performance.now() - began);
    if (done) return { stallMs: Math.round(stallMs * 10) / 10, attempts: attempt };
    if (performance.now() > deadline && options.force)
      await endSessions(parts.watcher, await blockersOf(parts.watcher, namesOf(parts)));
    if (performance.now() > deadline + (options.force ? 10_000 : 0)) throw await blocked(parts, attempt);
    // Longer and longer pauses, so that whoever holds the tables gets on.
    await sleep(20 + Math.random() * Math.min(50 * attempt, 1_000), undefined, { signal });
  }
}

function namesOf({ change }: SwapParts): string[] {
  return change.operations.map((operation) => operation.name);
}

async function blocked(parts: SwapParts, attempts: number): Promise<Failure> {
  const blockers = await blockersOf(parts.watcher, namesOf(parts));
  const who = blockers.map(({ session, user, ageSeconds, query }) => `${session} (${user}, ${ageSeconds} s): ${query}`);
  return new Failure(
    'CHANGE_BLOCKED',
    `the locks were not to be had in ${attempts} attempts; ${who.join('; ') || 'nobody is seen to hold them for long'}`,
    { data: { blockers } },
  );
}

/** Follows the log until little waits. @throws Failure CHANGE_BEHIND */
async function followClosely({ drainer, route }: SwapTable, signal: AbortSignal): Promise<void> {
  // At least once: whatever that has to make is then there before anybody waits. As many wait then as came meanwhile.
  const began = performance.now();
  for (;;) {
    const at = performance.now();
    const taken = await drainer.step();
    if (drainer.caughtUp && (taken <= FEW || performance.now() - at <= SHORT_MS)) return;
    signal.throwIfAborted();
    if (performance.now() - began > BEHIND_MS)
      throw new Failure('CHANGE_BEHIND', `rows of ${route.live} change faster than they can be followed`);
  }
}

/** Ids that were given out must not be given out again, though their rows be gone; so it is done while nobody writes. */
async function matchCounters({ engine, tables }: SwapParts): Promise<void> {
  const counted = tables.filter(({ route }) => route.flow.target.columns.some(({ identity }) => identity !== null));
  if (counted.length === 0) return;
  const names = counted.flatMap(({ route }) => [route.live, route.target]);
  const rows = await engine.query(
    `SELECT table_name AS name, auto_increment AS next FROM information_schema.tables
     WHERE table_schema = database() AND table_name IN (${names.map(() => '?').join(', ')})`,
    names,
  );
  const next = (table: string): string => text(rows.find((row) => text(row.name) === table)?.next) || '0';
  for (const { route } of counted)
    if (BigInt(next(route.live)) > BigInt(next(route.target)))
      await engine.execute(`ALTER TABLE ${name(route.target)} AUTO_INCREMENT = ${next(route.live)}, ALGORITHM=INPLACE`);
}

/** @returns whether it is done: not where the locks were not to be had, or held up everybody for too long. */
async function tryOnce(
  parts: SwapParts,
  renamer: Renamer,
  options: SwapOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { engine, tables, point, state } = parts;
  if (tables.length === 0) return await renamer.rename();
  const list = [
    ...tables.map(({ route, failed }) => locksOf(route, failed)),
    ...new Set(
      [...lockedForKeys(parts.change, parts.direction), ...lockedForNames(parts)].map(
        (table) => `${name(table)} WRITE`,
      ),
    ),
  ];
  const began = performance.now();
  let done = false;
  let drift = Promise.resolve();
  try {
    await briefly(engine, `LOCK TABLES ${list.join(', ')}, ${name(state)} WRITE`);
    await point('swap.locked');
    // Beside the rest: looking at a table needs no more than what whoever has locked it leaves.
    drift = checkDrift(parts);
    for (const { drainer } of await withNotes(parts))
      while ((await drainer.step(true)) > 0 && !drainer.tookAll) if (performance.now() - began > HELD_MS) return false;
    await refuseFailed(parts, options);
    await matchCounters(parts);
    await drift;
    await point('swap.followed');
    await connect(engine, parts.change, parts.direction);
    await point('swap.connected');
    done = await renamer.rename();
    return done;
  } catch (error) {
    if (isPassing(error)) return false;
    throw error;
  } finally {
    await drift.catch(() => undefined);
    await engine.execute('ROLLBACK').catch(() => undefined);
    await engine.execute('UNLOCK TABLES').catch(() => undefined);
    if (!done) await disconnect(engine, parts.change, 'others', signal);
  }
}

/** The tables in whose logs something is. */
async function withNotes({ engine, tables }: SwapParts): Promise<readonly SwapTable[]> {
  const looks = tables.map(({ route }, i) => `EXISTS (SELECT 1 FROM ${name(route.log)}) AS n${i}`);
  const [row] = await engine.query(`SELECT ${looks.join(', ')}`);
  return tables.filter((_, i) => Number(row![`n${i}`]) === 1);
}

/** @throws Failure CHANGE_DRIFTED */
function checkDrift({ watcher, tables }: SwapParts): Promise<void> {
  const checks = (async () => {
    for (const table of tables) await table.checkDrift(watcher);
  })();
  // Whoever waits for it hears of it; until then nobody does.
  checks.catch(() => undefined);
  return checks;
}

/** @throws Failure ROWS_REFUSED */
async function refuseFailed({ engine, direction, tables }: SwapParts, { acceptLosses }: SwapOptions): Promise<void> {
  if (direction === 'back' && acceptLosses === true) return;
  const counts = tables.map(({ failed }, i) => `(SELECT COUNT(*) FROM ${name(failed)}) AS n${i}`);
  const [row] = await engine.query(`SELECT ${counts.join(', ')}`);
  for (const [i, { route }] of tables.entries())
    if (Number(row![`n${i}`]) > 0)
      throw new Failure(
        'ROWS_REFUSED',
        `${text(row![`n${i}`])} rows of ${route.live} do not fit the form that is to take its place`,
      );
}
