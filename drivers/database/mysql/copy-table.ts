import { Failure } from '../../../domain/failures';
import { Dialect } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange } from '../../../domain/schema/plan';
import { CopyMeter } from '../../../domain/schema/progress';
import type { Work } from '../engine';
import { Copier } from './copy';
import { Drainer } from './drain';
import type { ShadowTables } from './helpers';
import { routeOf } from './phase';
import type { Point } from './points';
import { progressOf } from './progress';
import type { Session } from './session';
import type { Fence } from './state';
import { rest } from './work';

/** Notes that wait before following comes before copying. */
const LOG_FIRST = 1_000;

/** Milliseconds of following alone before it is said that writers are faster. */
const BEHIND_MS = 30_000;

/** Copies all rows of a table, and follows its log as it grows. @throws Failure CHANGE_BEHIND */
export async function copyTable(
  { session, fence }: { readonly session: Session; readonly fence: Fence },
  change: PlannedChange,
  tables: ShadowTables,
  point: Point,
  work: Work,
): Promise<void> {
  const copier = new Copier(session, fence, tables);
  const route = { ...routeOf(tables, 'forward'), copying: tables.names.cursor };
  const drainer = new Drainer(session, fence, route, tables.names.failed);
  const meter = new CopyMeter();
  meter.note({ atMs: performance.now(), rowsCopied: await copier.copied() });
  // MySQL takes a table to be as small as it was made, and would read all of it to find a row.
  const mysql = change.from.dialect === Dialect.mysql;
  for (let chunks = 0, more = true; more; chunks++) {
    work.signal.throwIfAborted();
    const began = performance.now();
    await point('copy.chunk');
    ({ more } = await copier.step());
    await point('copy.chunked');
    if (mysql && (chunks === 0 || !more)) await session.query(`ANALYZE LOCAL TABLE ${name(tables.names.ghost)}`);
    if (chunks % 10 === 9 || !more) await followUntil(drainer, LOG_FIRST, tables.names.table, work.signal);
    await point('copy.drained');
    const worked = performance.now() - began;
    if (chunks % 20 === 0 || !more)
      work.onProgress?.(await progressOf(session, change, 'copying', new Map([[tables.names.table, meter]])));
    await rest(worked, work);
  }
}

/** @throws Failure CHANGE_BEHIND */
async function followUntil(drainer: Drainer, few: number, table: string, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  while ((await drainer.length()) > few) {
    signal.throwIfAborted();
    if (performance.now() - began > BEHIND_MS)
      throw new Failure('CHANGE_BEHIND', `rows of ${table} change faster than they can be followed`);
    await drainer.step();
  }
}
