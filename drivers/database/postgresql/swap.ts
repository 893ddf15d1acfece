import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import type { PlannedChange } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import type { Direction } from '../../../domain/schema/sides';
import { same } from '../../../domain/schema/table-change';
import type { Blocker, SwapOptions, Swapped, Work } from '../engine';
import { describe, end, holders, oldSnapshots } from './blockers';
import { swapStatements, type Inventory } from './carry';
import type { Drainer } from './drain';
import { drifted, fingerprint } from './drift';
import { isPassing, transaction } from './engine-session';
import { takeInventory } from './inventory';
import { checkMarks, keepMarks } from './marks';
import { exchangeOf, type Exchange } from './members';
import type { Point } from './points';
import { ServerError, type Session } from './session';
import type { ShadowTables } from './shadows';
import { readState, type Fence } from './state';

/** Notes that may wait when everything is locked: a few milliseconds' worth. */
const LAST_NOTES = 1_000;

/** Attempts that take what is free and wait for nothing. */
const IMPATIENT = 40;

/** What a swap works with. */
export interface SwapTools {
  readonly session: Session;
  /** For looking at what is in the way. */
  readonly watcher: Session;
  readonly fence: Fence;
  readonly change: PlannedChange;
  readonly shadows: readonly ShadowTables[];
  readonly drainers: readonly Drainer[];
  readonly point: Point;
  /** Within the transaction of the swap, once the log is followed to its end. */
  readonly onFollowed: () => Promise<void>;
}

/**
 * Puts the sides of all tables in each other's place, in one transaction.
 * @throws Failure CHANGE_BLOCKED, CHANGE_DRIFTED, CHANGE_BEHIND; nothing is changed then.
 */
export async function swap(
  tools: SwapTools,
  direction: Direction,
  to: 'swapped' | 'reverted',
  options: SwapOptions,
  { signal }: Work,
): Promise<Swapped> {
  const began = performance.now();
  let stallMs = 0;
  let ended = false;
  let known: Known | null = null;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    await follow(tools);
    known ??= await lookAround(tools, direction);
    const { inventory } = known;
    const blocked = await snapshotsInTheWay(tools);
    if (blocked.length === 0) {
      const stall: Stall = { since: null };
      try {
        const done = await attemptSwap(tools, known, to, attempt, stall);
        stallMs = Math.max(stallMs, lengthOf(stall));
        if (done) return { stallMs: Math.round(stallMs * 10) / 10, attempts: attempt };
        known = null;
      } catch (error) {
        // What takes only what is free holds nobody up by asking.
        if (attempt > IMPATIENT) stallMs = Math.max(stallMs, lengthOf(stall));
        if (!isPassing(error)) throw error;
      }
    }
    const late = performance.now() - began;
    if (late > options.deadlineMs && (!options.force || ended || late > options.deadlineMs * 2 + 10_000))
      throw await blockedFailure(tools, inventory);
    // Force is for those who were given the time that the attempts had.
    if (late > options.deadlineMs && options.force) {
      await end(tools.watcher, await inTheWay(tools, inventory));
      ended = late > options.deadlineMs + 5_000;
    }
    await sleep(attempt <= IMPATIENT && blocked.length === 0 ? 3 + Math.random() * 4 : 30 + Math.random() * 70);
  }
}

/** Since when writers are held up, by a clock that does not jump; null before. */
interface Stall {
  since: number | null;
}

function lengthOf({ since }: Stall): number {
  return since === null ? 0 : performance.now() - since;
}

async function attemptSwap(
  tools: SwapTools,
  { inventory, mark, tables, statements }: Known,
  to: 'swapped' | 'reverted',
  attempt: number,
  stall: Stall,
): Promise<boolean> {
  const { session, fence, drainers, change, point } = tools;
  const waitMs = Math.min(150, 40 + 10 * (attempt - IMPATIENT));
  const nowait = attempt <= IMPATIENT;
  await point('swap.begin');
  return await transaction(
    session,
    async () => {
      await fence.phase();
      stall.since = performance.now();
      // Both: lock_timeout counts for each table anew.
      // A change of views or types alone has no table to lock.
      const lock = tables.length === 0 ? 'SELECT' : `LOCK TABLE ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`;
      await session.execute(
        nowait
          ? `${lock}${tables.length === 0 ? '' : ' NOWAIT'}; SET LOCAL lock_timeout = '40ms'`
          : `SET LOCAL lock_timeout = '${waitMs}ms'; SET LOCAL statement_timeout = '${waitMs}ms'; ` +
              `${lock}; SET LOCAL statement_timeout = 0`,
      );
      await point('swap.locked');
      if ((await catalogMark(session, inventory.exchange)) !== mark) return false;
      await checkMarks(session, change.id, tools.shadows);
      for (const drainer of drainers) if ((await drainer.length()) > LAST_NOTES) return false;
      for (const drainer of drainers) await drainer.lastStep();
      await tools.onFollowed();
      await point('swap.followed');
      await run(session, statements);
      await keepMarks(session, change.id, tools.shadows);
      await fence.enter(to);
      await point('swap.commit');
      return true;
    },
    { begin: fence.begin('READ COMMITTED', 'SET LOCAL synchronous_commit = on; '), attempts: 1 },
  ).then(async (done) => {
    await point('swap.done');
    return done;
  });
}

/** In one message; the server is asked statement by statement only to tell which one it refused. */
async function run(session: Session, statements: readonly string[]): Promise<void> {
  try {
    await session.execute(statements.join(';\n'));
  } catch (error) {
    if (isPassing(error) || !(error instanceof ServerError) || (error as ServerError).fatal) throw error;
    throw new Failure(
      'SCHEMA_REFUSED',
      `the server refused the swap, and nothing was changed: ${(error as ServerError).message}`,
      {
        cause: error,
      },
    );
  }
}

/** Follows the log until little of it is left. @throws Failure CHANGE_BEHIND */
async function follow({ drainers, change }: SwapTools): Promise<void> {
  for (const drainer of drainers) {
    await drainer.prepare();
    for (let round = 1; (await drainer.step(true)) > LAST_NOTES / 2; round++)
      if (round >= 50)
        throw new Failure('CHANGE_BEHIND', `the log of change ${change.id} grows as fast as it can be followed`);
  }
}

/** What was found out before anything is locked, and the mark of the catalog that it is true of. */
interface Known {
  readonly inventory: Inventory;
  readonly mark: string;
  readonly tables: readonly string[];
  readonly statements: readonly string[];
}

/** @throws Failure CHANGE_DRIFTED */
async function lookAround({ session, change, shadows }: SwapTools, direction: Direction): Promise<Known> {
  const exchange = exchangeOf(change, shadows, direction);
  const mark = await catalogMark(session, exchange);
  await checkMarks(session, change.id, shadows);
  const [other] = await drifted(session, [
    ...exchange.leaving.map(({ table }) => table),
    ...exchange.from.tables.filter(({ name: own }) => exchange.altered.includes(own)),
  ]);
  if (other !== undefined)
    throw new Failure('CHANGE_DRIFTED', `table ${other} was altered while the change was under way`);
  const inventory = await takeInventory(session, change, exchange);
  return {
    ...{ inventory, mark },
    tables: lockedTables(inventory, session.schema),
    statements: swapStatements(change, session.schema, inventory),
  };
}

async function catalogMark(session: Session, exchange: Exchange): Promise<string> {
  const { leaving, coming } = exchange;
  return await fingerprint(session, [
    ...leaving.map(({ table }) => table.name),
    ...coming.map(({ aside }) => aside),
    ...exchange.altered,
  ]);
}

/** Everything that the statements of a swap lock, locked at once and always in one order. Qualified. */
function lockedTables({ exchange, bindings }: Inventory, schema: string): string[] {
  const { leaving, coming, altered } = exchange;
  const qualified = (table: string): string => `${name(schema)}.${name(table)}`;
  const there = (table: string): boolean => exchange.from.tables.some((each) => each.name === table);
  const parents = [...leaving, ...coming].flatMap(({ table }) =>
    table.foreignKeys.flatMap(({ references }) => {
      if (references.schema !== null) return [`${name(references.schema)}.${name(references.table)}`];
      return there(references.table) ? [qualified(references.table)] : [];
    }),
  );
  return [
    ...new Set([
      ...leaving.map(({ table }) => qualified(table.name)),
      ...altered.filter(there).map(qualified),
      ...parents,
      ...[...bindings.values()].flatMap(({ referrers }) => referrers.map((each) => tidy(each.table, schema))),
    ]),
  ].sort();
}

/** A qualified name as the server prints it, with every name between quotes. */
function tidy(qualified: string, schema: string): string {
  const parts = [...qualified.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map(
    (part) => part[1]?.replaceAll('""', '"') ?? part[2]!,
  );
  return same(parts.length, 2) ? parts.map(name).join('.') : `${name(schema)}.${parts.map(name).join('.')}`;
}

async function snapshotsInTheWay({ watcher, session, change }: SwapTools): Promise<Blocker[]> {
  const state = await readState(watcher, change.id);
  return state?.copiedAt ? await oldSnapshots(watcher, state.copiedAt, [session.id, watcher.id]) : [];
}

async function inTheWay(tools: SwapTools, inventory: Inventory): Promise<Blocker[]> {
  const { session, watcher } = tools;
  const held = await holders(watcher, lockedTables(inventory, session.schema), [session.id, watcher.id]);
  const old = await snapshotsInTheWay(tools);
  return [...held, ...old.filter((one) => !held.some((other) => other.session === one.session))];
}

async function blockedFailure(tools: SwapTools, inventory: Inventory): Promise<Failure> {
  const blockers = await inTheWay(tools, inventory);
  const who = blockers.length === 0 ? 'sessions that came and went' : blockers.map(describe).join('; ');
  return new Failure('CHANGE_BLOCKED', `the tables could not be locked because of ${who}`, { data: { blockers } });
}

/** Who would be in the way of a swap now. */
export async function blockersOf(
  session: Session,
  change: PlannedChange,
  shadows: readonly ShadowTables[],
): Promise<Blocker[]> {
  const state = await readState(session, change.id);
  if (state === null) return [];
  const direction = state.phase === 'swapped' ? 'back' : 'forward';
  const inventory = await takeInventory(session, change, exchangeOf(change, shadows, direction));
  const held = await holders(session, lockedTables(inventory, session.schema), [session.id]);
  const old = state.copiedAt === null ? [] : await oldSnapshots(session, state.copiedAt, [session.id]);
  return [...held, ...old.filter((one) => !held.some((other) => other.session === one.session))];
}
