import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange, Shadow } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import { flowOf, type Direction, type Flow } from '../../../domain/schema/sides';
import { asideName, ownName } from './names';
import { own } from './state';

/** A shadow of a change with the names of everything that belongs to it. */
export interface ShadowTables {
  /** From 1, in the order of the change's operations. */
  readonly n: number;
  readonly shadow: Shadow;
  /** The live table's name, bare. */
  readonly table: string;
  /** The new side's, bare, while it is not live. */
  readonly ghost: string;
  /** The old side's, bare, while the new one is live. */
  readonly old: string;
  readonly forward: Route;
  readonly back: Route;
}

/** One way for keys to go: from the side that is live to the one that follows it. Names as SQL has them. */
export interface Route {
  readonly n: number;
  readonly flow: Flow;
  readonly live: string;
  readonly target: string;
  readonly log: string;
  /** Keys of rows that the target refused, with what of its own they had. */
  readonly refused: string;
  /** The function that writes the log, and its bare name. */
  readonly note: string;
  /** What the session's temporary tables of this route end with. */
  readonly suffix: string;
}

/** The shadows of a change. */
export function shadowsOf(change: PlannedChange, schema: string): ShadowTables[] {
  const shadows = change.operations.flatMap(({ shadow }) => (shadow === null ? [] : [shadow]));
  return shadows.map((shadow, i) => {
    const table = shadow.from.name;
    const [ghost, old] = [asideName(table, 'new'), asideName(table, 'old')];
    const route = (direction: Direction): Route => {
      const suffix = `_${i + 1}${direction === 'forward' ? 'f' : 'b'}`;
      const qualified = (relation: string): string => `${name(schema)}.${name(relation)}`;
      return {
        ...{ n: i + 1, flow: flowOf(shadow, direction), suffix, live: qualified(table) },
        target: qualified(direction === 'forward' ? ghost : old),
        log: own(ownName('log', change.id, suffix)),
        refused: own(ownName('refused', change.id, suffix)),
        note: own(ownName('note', change.id, suffix)),
      };
    };
    return { n: i + 1, shadow, table, ghost, old, forward: route('forward'), back: route('back') };
  });
}

/** The way that keys go in a phase. */
export function directionIn(phase: ChangePhase): Direction {
  return phase === 'swapped' ? 'back' : 'forward';
}

/** The shadow's route of a direction. */
export function routeOf(shadow: ShadowTables, direction: Direction): Route {
  return direction === 'forward' ? shadow.forward : shadow.back;
}
