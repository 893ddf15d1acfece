import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import { inOrder, inReverse } from '../../../domain/schema/ddl';
import { createBareTable } from '../../../domain/schema/mysql/ddl';
import { name } from '../../../domain/schema/mysql/quote';
import type { SchemaModel } from '../../../domain/schema/model';
import { restAfter } from '../../../domain/schema/pace';
import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import { CopyMeter } from '../../../domain/schema/progress';
import type { Direction } from '../../../domain/schema/sides';
import type {
  Blocker,
  ChangeState,
  FailedRow,
  Leftover,
  Loss,
  Progress,
  Proof,
  SchemaEngine,
  Swapped,
  SwapOptions,
  TableProgress,
  Work,
} from '../engine';
import type { Route } from './batch';
import { blockersOf } from './blockers';
import { cleanUp, leftoversOf } from './clean';
import { Copier } from './copy';
import { Drainer } from './drain';
import { fingerprint } from './drift';
import { openEngineSession, transaction } from './engine-session';
import { createGhost, createHelpers, createTriggers, shadowsOf, type ShadowTables } from './helpers';
import { introspect } from './introspect';
import { helperNames } from './names';
import { Prover } from './proof';
import { text } from './rows';
import { openSession, type Session } from './session';
import { keyParts } from './sql';
import { createState, Fence, stateTable } from './state';
import { createCopies, restore, silence } from './user-triggers';
import { swap, type SwapParts } from './swap';

/** Told where the engine is, before and after each of its effects; tests end it there. */
export type OnPoint = (point: string) => Promise<void>;

/** Milliseconds between two looks at a log in which nothing was. */
const IDLE_MS = 20;

/** Milliseconds between two tries of rows that did not fit. */
const RETRY_FAILED_MS = 2_000;

/** Notes that wait before following comes before copying. */
const LOG_FIRST = 1_000;

/** Changes schemas of MariaDB and MySQL while they are used. One object works at one change at a time. */
export class MySqlEngine implements SchemaEngine {
  /** @param url of the schema, for an account with the rights that docs/schema-changes.md lists. */
  constructor(
    private readonly url: string,
    private readonly onPoint: OnPoint = async () => undefined,
  ) {}

  async introspect(): Promise<SchemaModel> {
    return await this.withSession(introspect);
  }

  async prepare(change: PlannedChange, { signal }: Work): Promise<void> {
    await this.withEngine(async (session) => {
      await createState(session, change);
      await this.onPoint('prepare:state');
      const fence = await Fence.take(session, change);
      if ((await phaseOf(session, change, fence)) !== 'preparing') return;
      for (const tables of shadowsOf(change)) {
        await createHelpers(session, change, tables);
        await this.onPoint('prepare:helpers');
        await createGhost(session, tables);
        await this.onPoint('prepare:ghost');
        await createCopies(session, tables, signal);
        await createTriggers(session, tables, signal);
        await this.onPoint('prepare:triggers');
      }
      for (const operation of change.operations)
        if (operation.kind === 'CREATE' && operation.object === 'table')
          await createAside(session, change, operation.name);
      const watched: Record<string, string> = {};
      for (const { names } of shadowsOf(change)) watched[names.table] = await fingerprint(session, names.table);
      await transaction(session, async () => {
        await fence.hold();
        await session.execute(`UPDATE ${name(fence.table)} SET watched = ? WHERE id = 1`, [JSON.stringify(watched)]);
        await fence.enter('copying');
      });
      await this.onPoint('prepare:done');
    });
  }

  async copy(change: PlannedChange, work: Work): Promise<void> {
    await this.withEngine(async (session) => {
      const fence = await Fence.take(session, change);
      const phase = await phaseOf(session, change, fence);
      if (phase === 'preparing') throw new Failure('STATE_CONFLICT', 'the change is not prepared yet');
      if (phase !== 'copying') return;
      for (const tables of shadowsOf(change)) await this.copyTable(session, fence, change, tables, work);
      await transaction(session, async () => {
        await fence.hold();
        await fence.enter('copied');
      });
      await this.onPoint('copy:done');
    });
  }

  private async copyTable(
    session: Session,
    fence: Fence,
    change: PlannedChange,
    tables: ShadowTables,
    { signal, throttle = () => 0, onProgress }: Work,
  ): Promise<void> {
    const copier = new Copier(session, fence, tables);
    const drainer = this.drainer(session, fence, tables, 'forward');
    const meter = new CopyMeter();
    meter.note({ atMs: performance.now(), rowsCopied: await copier.copied() });
    for (let chunks = 0, more = true; more; chunks++) {
      signal.throwIfAborted();
      const began = performance.now();
      ({ more } = await copier.step());
      await this.onPoint('copy:chunk');
      if (chunks % 10 === 9 || !more) while ((await drainer.length()) > LOG_FIRST) await drainer.step();
      await this.onPoint('copy:drained');
      const worked = performance.now() - began;
      if (chunks % 20 === 0 || !more) {
        meter.note({ atMs: performance.now(), rowsCopied: await copier.copied() });
        onProgress?.(await this.progressOf(session, change, 'copying', new Map([[tables.names.table, meter]])));
      }
      const rest = restAfter(worked, throttle());
      if (rest > 0) await sleep(rest, undefined, { signal });
    }
  }

  async follow(change: PlannedChange, { signal, throttle = () => 0, onProgress }: Work): Promise<void> {
    await this.withEngine(async (session) => {
      const fence = await Fence.take(session, change);
      const phase = await phaseOf(session, change, fence);
      const direction = directionIn(phase);
      await this.settle(session, change, direction, signal);
      const drainers = shadowsOf(change).map((tables) => this.drainer(session, fence, tables, direction));
      let retriedAt = performance.now();
      while (!signal.aborted) {
        const began = performance.now();
        let taken = 0;
        for (const drainer of drainers) taken += await drainer.step();
        await this.onPoint('follow:step');
        if (performance.now() - retriedAt > RETRY_FAILED_MS) {
          for (const drainer of drainers) await drainer.retryFailed();
          retriedAt = performance.now();
          onProgress?.(await this.progressOf(session, change, phase, new Map()));
        }
        const rest = taken === 0 ? IDLE_MS : restAfter(performance.now() - began, throttle());
        if (rest > 0) await sleep(rest, undefined, { signal }).catch(() => undefined);
      }
    });
  }

  async prove(change: PlannedChange, { signal, throttle = () => 0 }: Work): Promise<Proof> {
    return await this.withEngine(async (session) => {
      // It changes nothing, so that whoever follows the log goes on beside it.
      const direction = directionIn(await storedPhase(session, change));
      const proofs: Proof[] = [];
      for (const tables of shadowsOf(change)) {
        const prover = new Prover(session, routeOf(tables, direction), tables.names.cursor, tables.names.table);
        proofs.push(
          await prover.run(signal, async (workedMs) => {
            const rest = restAfter(workedMs, throttle());
            if (rest > 0) await sleep(rest, undefined, { signal });
          }),
        );
      }
      return {
        rowsCompared: proofs.reduce((sum, proof) => sum + proof.rowsCompared, 0),
        differing: proofs.flatMap((proof) => proof.differing).slice(0, 100),
        differingCount: proofs.reduce((sum, proof) => sum + proof.differingCount, 0),
      };
    });
  }

  async cutOver(change: PlannedChange, options: SwapOptions, { signal }: Work): Promise<Swapped> {
    return await this.swap(change, 'forward', ['copied', 'reverted'], 'swapped', options, signal);
  }

  async reapply(change: PlannedChange, options: SwapOptions, work: Work): Promise<Swapped> {
    return await this.cutOver(change, options, work);
  }

  async revert(change: PlannedChange, options: SwapOptions, { signal }: Work): Promise<Swapped> {
    return await this.swap(change, 'back', ['swapped'], 'reverted', options, signal);
  }

  private async swap(
    change: PlannedChange,
    direction: Direction,
    from: readonly ChangePhase[],
    to: ChangePhase,
    options: SwapOptions,
    signal: AbortSignal,
  ): Promise<Swapped> {
    return await this.withEngine(async (engine) => {
      const fence = await Fence.take(engine, change);
      const phase = await phaseOf(engine, change, fence);
      if (phase === to) return { stallMs: 0, attempts: 0 };
      if (!from.includes(phase)) throw new Failure('STATE_CONFLICT', `a change that is ${phase} cannot be swapped so`);
      await this.settle(engine, change, directionIn(phase), signal);
      const watched = await watchedOf(engine, fence);
      const [renamer, watcher] = [await openSession(this.url), await openSession(this.url)];
      try {
        const tables = shadowsOf(change).map((each) => ({
          route: routeOf(each, direction),
          failed: each.names.failed,
          drainer: this.drainer(engine, fence, each, direction),
          checkDrift: async () => {
            const known = watched[each.names.table];
            if (
              direction === 'forward' &&
              phase === 'copied' &&
              known !== (await fingerprint(engine, each.names.table))
            )
              throw new Failure('CHANGE_DRIFTED', `table ${each.names.table} was changed since the change began`);
          },
        }));
        const parts: SwapParts = {
          ...{ change, direction, engine, renamer, watcher, state: fence.table, tables },
          onPoint: this.onPoint,
        };
        const swapped = await swap(parts, options, signal);
        await this.settle(engine, change, direction === 'forward' ? 'back' : 'forward', signal);
        await this.afterSwap(engine, change, direction);
        await transaction(engine, async () => {
          await fence.hold();
          await fence.enter(to);
        });
        return swapped;
      } finally {
        renamer.destroy();
        watcher.destroy();
      }
    });
  }

  /** What a swap leaves to be done before the side that was live is written to; whoever comes next does it. */
  private async settle(
    session: Session,
    change: PlannedChange,
    direction: Direction,
    signal: AbortSignal,
  ): Promise<void> {
    if (direction === 'forward') return;
    for (const { shadow, names } of shadowsOf(change)) await silence(session, names.old, shadow.from.triggers, signal);
  }

  /** What cannot be renamed in the same statement: views, routines, sequences. */
  private async afterSwap(session: Session, change: PlannedChange, direction: Direction): Promise<void> {
    const rest = change.operations.filter(
      ({ object, way, kind }) => object !== 'table' || (way === 'instant' && kind === 'ALTER'),
    );
    for (const statement of direction === 'forward' ? inOrder(rest) : inReverse(rest)) await session.execute(statement);
  }

  async losses(change: PlannedChange): Promise<readonly Loss[]> {
    return await this.withEngine(async (session) => {
      const losses: Loss[] = [];
      for (const { names, forward } of shadowsOf(change))
        for (const column of forward.own) {
          const same = column.default === null ? 'IS NOT NULL' : `<=> ${column.default} = 0`;
          const [row] = await session.query(
            `SELECT COUNT(*) AS n FROM ${name(names.table)} AS live WHERE live.${name(column.name)} ${same}`,
          );
          if (Number(row!.n) > 0)
            losses.push({
              table: names.table,
              column: column.name,
              rows: Number(row!.n),
              message: `${Number(row!.n)} values of ${names.table}.${column.name}, which only the new form has, would be gone`,
              example: null,
            });
        }
      await session.execute('COMMIT');
      return losses;
    });
  }

  async finish(change: PlannedChange, { signal }: Work): Promise<void> {
    await this.remove(change, ['swapped', 'reverted', 'finishing'], 'finishing', signal);
  }

  async cancel(change: PlannedChange, { signal }: Work): Promise<void> {
    await this.remove(change, ['preparing', 'copying', 'copied', 'cancelling'], 'cancelling', signal);
  }

  private async remove(
    change: PlannedChange,
    from: readonly ChangePhase[],
    to: ChangePhase,
    signal: AbortSignal,
  ): Promise<void> {
    await this.withEngine(async (session) => {
      if (!(await exists(session, stateTable(change)))) return;
      const fence = await Fence.take(session, change);
      const phase = await phaseOf(session, change, fence);
      if (!from.includes(phase)) throw new Failure('STATE_CONFLICT', `a change that is ${phase} cannot be ended so`);
      await transaction(session, async () => {
        await fence.hold();
        await fence.enter(to);
      });
      for (const { shadow } of shadowsOf(change)) {
        const stays = (await exists(session, helperNames(shadow.from.name).old)) ? shadow.to : shadow.from;
        await restore(session, stays, signal);
      }
      await cleanUp(session, change, shadowsOf(change), signal, this.onPoint);
    });
  }

  async state(changeId: string): Promise<ChangeState | null> {
    return await this.withSession(async (session) => {
      const tables = await session.query(
        'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database() AND table_comment = ?',
        [`gatewright change ${changeId}`],
      );
      for (const { name: table } of tables) {
        if (!text(table).endsWith('_s')) continue;
        const [row] = await session.query(`SELECT epoch, phase, specification FROM ${name(text(table))} WHERE id = 1`);
        if (!row) continue;
        const change = JSON.parse(text(row.specification)) as PlannedChange;
        const phase = await actualPhase(session, change, text(row.phase) as ChangePhase);
        return {
          id: changeId,
          epoch: Number(row.epoch),
          ...(await this.progressOf(session, change, phase, new Map())),
        };
      }
      return null;
    });
  }

  async blockers(change: PlannedChange): Promise<readonly Blocker[]> {
    const tables = change.operations.map((operation) => operation.name);
    return await this.withSession(async (session) => await blockersOf(session, tables));
  }

  async leftovers(): Promise<readonly Leftover[]> {
    return await this.withSession(leftoversOf);
  }

  async close(): Promise<void> {
    // Every call has sessions of its own.
  }

  private async progressOf(
    session: Session,
    change: PlannedChange,
    phase: ChangePhase,
    meters: ReadonlyMap<string, CopyMeter>,
  ): Promise<Progress> {
    const tables: TableProgress[] = [];
    for (const { names, forward } of shadowsOf(change)) {
      const [rows] = await session.query(
        'SELECT table_rows AS n FROM information_schema.tables WHERE table_schema = database() AND table_name = ?',
        [names.table],
      );
      if (!(await exists(session, names.log))) continue;
      const [log] = await session.query(`SELECT COUNT(*) AS n FROM ${name(names.log)}`);
      const [cursor] = await session.query(`SELECT copied AS n FROM ${name(names.cursor)} WHERE id = 1`);
      const copied = Number(cursor?.n ?? 0);
      const total = Math.max(Number(rows?.n ?? 0), copied);
      const meter = meters.get(names.table) ?? new CopyMeter();
      if (!meters.has(names.table)) meter.note({ atMs: performance.now(), rowsCopied: copied });
      const done = phase !== 'preparing' && phase !== 'copying';
      tables.push({
        table: names.table,
        ...meter.progress(total, done),
        rowsCopied: copied,
        rowsTotal: total,
        logLength: Number(log!.n),
        throttledBy: null,
        failed: await failedOf(session, names.failed, keyParts(forward)),
      });
    }
    return { phase, tables };
  }

  private drainer(session: Session, fence: Fence, tables: ShadowTables, direction: Direction): Drainer {
    return new Drainer(session, fence, routeOf(tables, direction), tables.names.failed);
  }

  private async withEngine<T>(action: (session: Session) => Promise<T>): Promise<T> {
    const session = await openEngineSession(this.url);
    try {
      return await action(session);
    } finally {
      session.destroy();
    }
  }

  private async withSession<T>(action: (session: Session) => Promise<T>): Promise<T> {
    const session = await openSession(this.url);
    try {
      return await action(session);
    } finally {
      session.destroy();
    }
  }
}

async function createAside(session: Session, change: PlannedChange, table: string): Promise<void> {
  const made = change.to.tables.find((each) => each.name === table)!;
  const { ghost } = helperNames(table);
  if (!(await exists(session, ghost))) await session.execute(createBareTable({ ...made, name: ghost }));
}

async function exists(session: Session, table: string): Promise<boolean> {
  const rows = await session.query(
    'SELECT 1 FROM information_schema.tables WHERE table_schema = database() AND table_name = ?',
    [table],
  );
  return rows.length > 0;
}

async function phaseOf(session: Session, change: PlannedChange, fence: Fence): Promise<ChangePhase> {
  const phase = await fence.hold();
  await session.execute('COMMIT');
  return await actualPhase(session, change, phase);
}

async function storedPhase(session: Session, change: PlannedChange): Promise<ChangePhase> {
  const [row] = await session.query(`SELECT phase FROM ${name(stateTable(change))} WHERE id = 1`);
  await session.execute('COMMIT');
  return await actualPhase(session, change, text(row!.phase) as ChangePhase);
}

/** A swap is done in the moment of the RENAME, whoever lives to write it down: the names tell. */
async function actualPhase(session: Session, change: PlannedChange, stored: ChangePhase): Promise<ChangePhase> {
  const moved = change.operations.find(({ object, kind }) => object === 'table' && kind !== 'CREATE');
  if (!moved || !['copied', 'swapped', 'reverted'].includes(stored)) return stored;
  const swapped = await exists(session, helperNames(moved.name).old);
  if (swapped) return 'swapped';
  return stored === 'swapped' ? 'reverted' : stored;
}

function directionIn(phase: ChangePhase): Direction {
  return phase === 'swapped' ? 'back' : 'forward';
}

function routeOf({ names, forward, back }: ShadowTables, direction: Direction): Route {
  return direction === 'forward'
    ? { flow: forward, log: names.log, live: names.table, target: names.ghost }
    : { flow: back, log: names.log, live: names.table, target: names.old };
}

async function watchedOf(session: Session, fence: Fence): Promise<Record<string, string>> {
  const [row] = await session.query(`SELECT watched FROM ${name(fence.table)} WHERE id = 1`);
  await session.execute('COMMIT');
  return JSON.parse(text(row?.watched) || '{}') as Record<string, string>;
}

async function failedOf(session: Session, table: string, keys: readonly string[]): Promise<FailedRow[]> {
  const rows = await session.query(
    `SELECT errno, message, ${keys.map((key) => `CAST(${key} AS CHAR) AS ${key}`).join(', ')} FROM ${name(table)} ORDER BY id LIMIT 100`,
  );
  return rows.map((row) => ({
    key: Object.fromEntries(keys.map((key) => [key, text(row[key])])),
    code: text(row.errno),
    message: text(row.message),
  }));
}
