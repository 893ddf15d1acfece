import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/mysql/quote';
import { changeMoves, type ChangeMoveName, type ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange, PlannedOperation } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import type { Route } from './batch';
import type { ShadowTables } from './helpers';
import { helperNames } from './names';
import { text } from './rows';
import type { Session } from './session';
import { stateTable, type Fence } from './state';

/** Where a change stands. */
export interface Standing {
  /** As the names of its tables tell. */
  readonly phase: ChangePhase;
  /** Whether a swap was made whose process did not live to do what comes after it. */
  readonly unsettled: boolean;
}

/** Where a change stands, for the process that holds it. */
export async function standingOf(session: Session, change: PlannedChange, fence: Fence): Promise<Standing> {
  const stored = await fence.transaction(async () => await fence.phase());
  const phase = await actualPhase(session, change, stored);
  // Where nothing is renamed, nothing tells whether all of it was done.
  const untold = !renames(change) && (phase === 'swapped' || phase === 'reverted');
  return { phase, unsettled: phase !== stored || untold };
}

/** Where a change stands, for whoever only looks on. */
export async function phaseOf(session: Session, change: PlannedChange): Promise<ChangePhase> {
  const [row] = await session.query(`SELECT phase FROM ${name(stateTable(change))} WHERE id = 1`);
  await session.execute('COMMIT');
  return await actualPhase(session, change, text(row?.phase) as ChangePhase);
}

/** A swap is done in the moment of the RENAME, whoever lives to write it down: the names tell. */
async function actualPhase(session: Session, change: PlannedChange, stored: ChangePhase): Promise<ChangePhase> {
  const moved = movedBy(change);
  if (!moved || !['copied', 'swapped', 'reverted'].includes(stored)) return stored;
  const { ghost, old } = helperNames(moved.name);
  const swapped = moved.kind === 'CREATE' ? !(await exists(session, ghost)) : await exists(session, old);
  if (swapped) return 'swapped';
  return stored === 'swapped' ? 'reverted' : stored;
}

/** Whether a swap of this change renames tables. */
export function renames(change: PlannedChange): boolean {
  return movedBy(change) !== undefined;
}

function movedBy({ operations }: PlannedChange): PlannedOperation | undefined {
  return operations.find(({ object, way }) => object === 'table' && way !== 'instant');
}

/** @throws Failure STATE_CONFLICT with what is allowed. */
export function allow(phases: readonly ChangePhase[], phase: ChangePhase): void {
  if (phases.includes(phase)) return;
  const allowed = (Object.keys(changeMoves) as ChangeMoveName[]).filter((move) =>
    (changeMoves[move].from as readonly ChangePhase[]).includes(phase),
  );
  throw new Failure('STATE_CONFLICT', `the change is ${phase}`, { data: { phase, allowed } });
}

export function directionIn(phase: ChangePhase): Direction {
  return phase === 'swapped' ? 'back' : 'forward';
}

export function routeOf({ names, forward, back, place: tag }: ShadowTables, direction: Direction): Route {
  return direction === 'forward'
    ? { flow: forward, log: names.log, live: names.table, target: names.ghost, tag }
    : { flow: back, log: names.log, live: names.table, target: names.old, tag };
}

/** Whether there is a table, or anything that has its place, by that name. */
export async function exists(session: Session, table: string): Promise<boolean> {
  const rows = await session.query(
    'SELECT 1 FROM information_schema.tables WHERE table_schema = database() AND table_name = ?',
    [table],
  );
  return rows.length > 0;
}
