import { Failure } from '../../../domain/failures';
import { lintCodes } from '../../../domain/schema/lint-codes';
import { changeMoves, type ChangeMoveName, type ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Drainer } from './drain';
import { lintAccount, lintBindings } from './lint-bindings';
import { lintTypes } from './lint-types';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import { readState } from './state';

/** @throws Failure STATE_CONFLICT */
export function allow(phases: readonly ChangePhase[], phase: ChangePhase): void {
  if (phases.includes(phase)) return;
  const allowed = (Object.keys(changeMoves) as ChangeMoveName[]).filter((move) =>
    (changeMoves[move].from as readonly ChangePhase[]).includes(phase),
  );
  throw new Failure('STATE_CONFLICT', `the change is ${phase}`, { data: { phase, allowed } });
}

/** @throws Failure SCHEMA_REFUSED when something binds to the tables that cannot be carried over. */
export async function refuseUnsafe(session: Session, change: PlannedChange): Promise<void> {
  if ((await readState(session, change.id)) !== null) return;
  const all = [
    ...(await lintAccount(session)),
    ...(await lintBindings(session, change)),
    ...(await lintTypes(session, change)),
  ];
  const messages = all.filter(({ code }) => lintCodes[code].severity === 'error');
  if (messages.length === 0) return;
  throw new Failure('SCHEMA_REFUSED', messages.map(({ message }) => message).join('; '), { data: { messages } });
}

/** @throws Failure ROWS_REFUSED naming rows that do not fit. */
export async function refuseRefused(drainers: readonly Drainer[], shadows: readonly ShadowTables[]): Promise<void> {
  for (const [i, drainer] of drainers.entries()) {
    const rows = await drainer.refusedRows();
    const [first] = rows;
    if (first === undefined) continue;
    const table = shadows[i]!.table;
    const key = Object.entries(first.key).map(([column, value]) => `${column} = ${value}`);
    throw new Failure('ROWS_REFUSED', `${table} (${key.join(', ')}): ${first.message} (${first.code})`, {
      data: { table, rows },
    });
  }
}
