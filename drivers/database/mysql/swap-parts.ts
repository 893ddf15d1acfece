import type { PlannedChange } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import type { Route } from './batch';
import type { Drainer } from './drain';
import type { Point } from './points';
import type { Session } from './session';

/** One table of a swap. */
export interface SwapTable {
  readonly route: Route;
  readonly failed: string;
  readonly drainer: Drainer;
  /** @throws Failure CHANGE_DRIFTED when the live table was changed behind the triggers. */
  checkDrift(session: Session): Promise<void>;
}

/** What a swap works with. The engine's session holds the locks, another renames, and one looks on. */
export interface SwapParts {
  readonly change: PlannedChange;
  readonly direction: Direction;
  readonly engine: Session;
  readonly renamer: Session;
  readonly watcher: Session;
  /** For what only several tables need. */
  readonly open: () => Promise<Session>;
  readonly state: string;
  readonly tables: readonly SwapTable[];
  readonly point: Point;
}
