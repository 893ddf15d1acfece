import { Failure } from '../../../domain/failures';
import type { FailedRow } from '../engine';
import { applyNotes, createBatchTables, emptyBatchTables, noteRange, refusedRows, takeNotes } from './batch';
import type { Session } from './session';
import type { Route } from './shadows';
import type { Fence } from './state';

/** Notes that one ordinary batch takes: few enough that nobody waits long for the fence. */
const BATCH = 5_000;

/** Notes after which deleted rows are cleaned up: they would otherwise be read past every time. */
const VACUUM_AFTER = 20_000;

/** Rows that may be refused before the change itself is taken to be wrong. */
const MOST_REFUSED = 1_000;

/** Follows one log: sets the side that follows right from the live one, each batch in one snapshot of both. */
export class Drainer {
  private ready = false;
  private sinceVacuum = 0;
  private refused = 0;

  constructor(
    private readonly session: Session,
    private readonly fence: Fence,
    private readonly route: Route,
  ) {}

  /** How many notes wait. */
  async length(): Promise<number> {
    const [row] = await this.session.query(`SELECT count(*)::int AS n FROM ${this.route.log}`);
    return Number(row!.n);
  }

  /**
   * Takes one batch, or everything that one snapshot shows.
   * @returns how many notes it took; 0 when none was there.
   * @throws Failure CONFLICT when another process has taken over, ROWS_REFUSED when too many rows do not fit.
   */
  async step(all = false): Promise<number> {
    if (!(await this.anyWork())) return 0;
    await this.prepare();
    const taken = await this.fence.transaction('REPEATABLE READ', async () => await this.within(all ? null : BATCH));
    await this.vacuum(taken);
    return taken;
  }

  /** Takes everything, and with it a range of the live side that could not be copied as it is. */
  async stepWithRange(where: string, also: (rows: number) => Promise<void>): Promise<void> {
    await this.prepare();
    await this.fence.transaction('REPEATABLE READ', async () => {
      await takeNotes(this.session, this.route, null);
      const rows = await noteRange(this.session, this.route, where);
      await this.apply();
      await also(rows);
    });
  }

  /** Takes everything, and then looks at both sides in the same snapshot. */
  async stepThen<T>(look: () => Promise<T>): Promise<T> {
    await this.prepare();
    return await this.fence.transaction('REPEATABLE READ', async () => {
      await this.within(null);
      await this.session.execute(
        'SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_seqscan = on',
      );
      return await look();
    });
  }

  /** Takes everything within a transaction that has locked the live side. */
  async lastStep(): Promise<number> {
    return await this.within(null);
  }

  /** The rows that are refused now; at most 100, the first of them. */
  async refusedRows(): Promise<readonly FailedRow[]> {
    return await refusedRows(this.session, this.route);
  }

  /** Makes what a step needs, before a transaction in which there is no time for it. */
  async prepare(): Promise<void> {
    if (!this.ready) await createBatchTables(this.session, this.route);
    this.ready = true;
  }

  private async within(limit: number | null): Promise<number> {
    const taken = await takeNotes(this.session, this.route, limit);
    if (taken === 0 && !(await this.anyRefused())) return 0;
    await this.apply();
    return taken;
  }

  private async apply(): Promise<void> {
    this.refused = await applyNotes(this.session, this.route);
    if (this.refused > MOST_REFUSED)
      throw new Failure('ROWS_REFUSED', `more than ${MOST_REFUSED} rows of ${this.route.flow.source.name} do not fit`);
  }

  private async anyWork(): Promise<boolean> {
    const { log, refused } = this.route;
    const [row] = await this.session.query(
      `SELECT EXISTS (SELECT FROM ${log}) OR EXISTS (SELECT FROM ${refused}) AS some`,
    );
    return row!.some === true;
  }

  private async anyRefused(): Promise<boolean> {
    const [row] = await this.session.query(`SELECT EXISTS (SELECT FROM ${this.route.refused}) AS some`);
    return row!.some === true;
  }

  private async vacuum(taken: number): Promise<void> {
    this.sinceVacuum += taken;
    if (this.sinceVacuum < VACUUM_AFTER) return;
    this.sinceVacuum = 0;
    await emptyBatchTables(this.session, this.route);
    await this.session.execute(`VACUUM (TRUNCATE false, INDEX_CLEANUP on) ${this.route.log}`);
  }
}
