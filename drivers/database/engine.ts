import type { SchemaChange } from '../../domain/schema/change';
import type { LintPolicy } from '../../domain/schema/lint';
import type { LintMessage } from '../../domain/schema/lint-codes';
import type { SchemaModel } from '../../domain/schema/model';
import type { ChangePhase } from '../../domain/schema/phases';
import type { PlannedChange } from '../../domain/schema/plan';
import type { ThrottleLimits } from '../../domain/schema/throttle';

/** One schema of one server, and everything that can be asked of it and done to it. Knows nothing of runs. */
export interface SchemaEngine {
  introspect(signal: AbortSignal): Promise<SchemaModel>;
  /**
   * Chooses how each operation of a change is made. What might be instant is tried on an empty copy of its table, of
   * which nothing stays.
   * @param id what everything that the change makes is known by: lower-case letters, digits and hyphens.
   */
  plan(id: string, change: SchemaChange, wishes: PlanWishes, signal: AbortSignal): Promise<PlannedChange>;
  /** Everything that keeps a change from being made safely, or that somebody should know; it changes nothing. */
  lint(change: PlannedChange, policy: LintPolicy, signal: AbortSignal): Promise<readonly LintMessage[]>;

  /**
   * Makes the shadows, logs and triggers of a change. Repeating it does nothing, or the rest of what was done.
   * @throws Failure DATABASE_*, CHANGE_CONFLICT when another change has one of the tables.
   */
  prepare(change: PlannedChange, work: Work): Promise<void>;
  /** Copies every row and follows the log until both are at their end. Any process may go on with it. */
  copy(change: PlannedChange, work: Work): Promise<void>;
  /** Follows the log until it is told to stop: before the cut-over, in the revert window and after a revert. */
  follow(change: PlannedChange, work: Work): Promise<void>;
  /** Compares both sides of every shadow row by row, each chunk in one snapshot. */
  prove(change: PlannedChange, work: Work): Promise<Proof>;
  /**
   * Puts the new side in the place of the old, all objects in one moment. Repeating it after it was done does nothing.
   * @throws Failure CHANGE_BLOCKED with the blockers when the locks were not to be had; nothing is changed then.
   */
  cutOver(change: PlannedChange, swap: SwapOptions, work: Work): Promise<Swapped>;
  /** What a revert would lose now. */
  losses(change: PlannedChange, work: Work): Promise<readonly Loss[]>;
  /** Puts the old side back. */
  revert(change: PlannedChange, swap: SwapOptions, work: Work): Promise<Swapped>;
  /** Puts the new side back after a revert. */
  reapply(change: PlannedChange, swap: SwapOptions, work: Work): Promise<Swapped>;
  /** Keeps what is live and removes the rest, in small steps. */
  finish(change: PlannedChange, work: Work): Promise<void>;
  /** Takes a change back that was never live; the catalog is then what it was before. */
  cancel(change: PlannedChange, work: Work): Promise<void>;

  /** Where a change stands, or null when the database knows nothing of it. */
  state(changeId: string): Promise<ChangeState | null>;
  /** Who holds what a cut-over would wait for. */
  blockers(change: PlannedChange): Promise<readonly Blocker[]>;
  /** Everything of ours in this schema, whatever made it and whether or not somebody remembers. */
  leftovers(): Promise<readonly Leftover[]>;
}

/** What is wanted of a plan. */
export interface PlanWishes {
  /** Whether ways that only touch the catalog are wanted: a revert of them loses what was written meanwhile. */
  readonly instant: boolean;
}

/** What a longer piece of work is given. */
export interface Work {
  readonly signal: AbortSignal;
  /** Asked before every chunk: between 0, full speed, and 0.95. */
  readonly throttle?: () => number;
  /** What the server bears before the work slows itself down; what is not named is as `defaultLimits` has it. */
  readonly limits?: Partial<ThrottleLimits>;
  /** Told after every chunk. */
  readonly onProgress?: (progress: Progress) => void;
}

/** How far a change is. */
export interface Progress {
  readonly phase: ChangePhase;
  readonly tables: readonly TableProgress[];
}

export interface TableProgress {
  readonly table: string;
  /** Whole percent, 0 to 100; 100 only when everything is copied. */
  readonly percent: number;
  readonly rowsCopied: number;
  /** As the server estimates it. */
  readonly rowsTotal: number;
  readonly rowsPerSecond: number;
  /** Whole seconds; null while nobody can tell. */
  readonly etaSeconds: number | null;
  /** Keys that were changed and are not followed yet. */
  readonly logLength: number;
  /** Why it is slower than it might be: `asked`, `replica lag 3.1 s`, `threads running 80`, `log grows`, `writes slow`. */
  readonly throttledBy: string | null;
  /** Rows whose new form the server refused; nothing is swapped while there are any. */
  readonly failed: readonly FailedRow[];
}

export interface FailedRow {
  readonly key: Readonly<Record<string, string>>;
  /** The server's code: SQLSTATE, or errno on MySQL. */
  readonly code: string;
  readonly message: string;
}

export interface ChangeState extends Progress {
  readonly id: string;
  /** Raised by every process that takes over. */
  readonly epoch: number;
}

/** What a comparison found. */
export interface Proof {
  readonly rowsCompared: number;
  /** Rows that differ or are on one side alone; at most 100, the first by key. */
  readonly differing: readonly { readonly table: string; readonly key: Readonly<Record<string, string>> }[];
  readonly differingCount: number;
}

export interface SwapOptions {
  /** Ends the sessions that hold it up, after it was told who they are. */
  readonly force: boolean;
  /** Milliseconds of attempts, each of which stalls nobody for long. */
  readonly deadlineMs: number;
  /** Accepts what {@link SchemaEngine.losses} tells. */
  readonly acceptLosses?: boolean;
}

export interface Swapped {
  /** Milliseconds that writers were held up at most. */
  readonly stallMs: number;
  readonly attempts: number;
}

/** Something that a revert would not bring back. */
export interface Loss {
  readonly table: string;
  readonly column: string | null;
  readonly rows: number;
  /** For people, a sentence. */
  readonly message: string;
  readonly example: Readonly<Record<string, string>> | null;
}

/** A session that holds something up. */
export interface Blocker {
  /** What ends it: a backend's pid, a thread id, the name of a prepared transaction. */
  readonly session: string;
  readonly user: string;
  /** What it does, or did last; at most 1,000 characters. */
  readonly query: string;
  /** Seconds since its transaction began. */
  readonly ageSeconds: number;
  /** For people: what it holds. */
  readonly holds: string;
}

/** Something of ours in a database. */
export interface Leftover {
  readonly kind: 'table' | 'trigger' | 'function' | 'schema' | 'constraint' | 'index';
  readonly name: string;
  /** The change that made it, where its name or comment still tells. */
  readonly changeId: string | null;
  /** Whether users' rows are in it, so that it must not be dropped unseen. */
  readonly holdsRows: boolean;
}
