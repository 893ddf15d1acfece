import type { SchemaChange } from '../../../domain/schema/change';
import type { LintPolicy } from '../../../domain/schema/lint';
import type { LintMessage } from '../../../domain/schema/lint-codes';
import type { SchemaModel } from '../../../domain/schema/model';
import { engineMode } from '../../../domain/schema/mysql/ddl';
import { changeMoves, type ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Blocker, ChangeState, Leftover, Loss, PlanWishes, Proof, SchemaEngine } from '../engine';
import type { Swapped, SwapOptions, Work } from '../engine';
import { Governor } from '../governor';
import { settleIn } from './aftermath';
import { blockersOf } from './blockers';
import { removeChange } from './clean';
import { copyAll } from './copying';
import { usersOwn } from './drift';
import { openEngineSession } from './engine-session';
import { exchange } from './exchange';
import { followAll } from './following';
import { disconnect } from './foreign-keys';
import { shadowsOf, type ShadowTables } from './helpers';
import { introspect } from './introspect';
import { leftoversOf } from './janitor';
import { lint, refuseUnsafe } from './lint';
import { lossesOf } from './losses';
import { allow, directionIn, exists, phaseOf, routeOf, standingOf } from './phase';
import { plan } from './plan';
import type { OnPoint, Point } from './points';
import { prepareChange, readyNewSides } from './prepare';
import { stateOf } from './progress';
import { proveAll } from './proving';
import { ServerProbe } from './server-load';
import { openSession, type Session } from './session';
import { createState, Fence, stateTable } from './state';

/** What an engine is made with. */
export interface MySqlEngineOptions {
  /** `mysql://user:password@host:port/schema`, for an account with the rights that docs/schema-changes.md lists. */
  readonly url: string;
  /** URLs of the same schema on servers that replicate it: a change slows itself down when they fall behind. */
  readonly replicas?: readonly string[];
  /** For tests alone. */
  readonly onPoint?: OnPoint;
}

/** A process's hold on a change, for one call. */
interface Hold {
  readonly session: Session;
  readonly fence: Fence;
  readonly phase: ChangePhase;
  readonly shadows: readonly ShadowTables[];
}

/** Changes schemas of MariaDB without holding their users up. Every call opens sessions of its own. */
export class MySqlEngine implements SchemaEngine {
  private readonly point: Point;

  constructor(private readonly options: MySqlEngineOptions) {
    this.point = async (name) => await options.onPoint?.(name);
  }

  async introspect(): Promise<SchemaModel> {
    return await this.withSession(async (session) => usersOwn(await introspect(session)));
  }

  async plan(id: string, change: SchemaChange, wishes: PlanWishes, signal: AbortSignal): Promise<PlannedChange> {
    return await this.withEngine(async (session) => await plan(session, id, change, wishes, signal));
  }

  async lint(change: PlannedChange, policy: LintPolicy, signal: AbortSignal): Promise<readonly LintMessage[]> {
    return await this.withSession(async (session) => {
      // Rows may be many.
      const stop = (): void => session.destroy();
      signal.addEventListener('abort', stop, { once: true });
      return await lint(session, change, policy).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  async prepare(change: PlannedChange, { signal }: Work): Promise<void> {
    await this.withEngine(async (session) => {
      if (!(await exists(session, stateTable(change)))) await refuseUnsafe(session, change);
      await createState(session, change);
      await this.point('prepare.state');
      const fence = await Fence.take(session, change);
      if ((await standingOf(session, change, fence)).phase !== 'preparing') return;
      await prepareChange(session, fence, change, this.point, signal);
      await this.point('prepare.done');
    });
  }

  async copy(change: PlannedChange, work: Work): Promise<void> {
    await this.hold(change, ['copying', 'copied'], work, async (hold) => {
      if (hold.phase === 'copied') return;
      await this.governed(hold.session, change, work, async (governor) => {
        await copyAll({ ...hold, governor, point: this.point }, change, work);
      });
      await this.point('copy.copied');
      await readyNewSides(hold.session, hold.fence, change, this.point, work.signal);
      await this.point('copy.done');
    });
  }

  async follow(change: PlannedChange, work: Work): Promise<void> {
    await this.hold(change, ['copied', 'swapped', 'reverted'], work, async (hold) => {
      await this.governed(hold.session, change, work, async (governor) => {
        await followAll({ ...hold, governor, point: this.point }, change, work);
      });
    });
  }

  async prove(change: PlannedChange, work: Work): Promise<Proof> {
    return await this.withEngine(async (session) => {
      // It changes nothing, so that whoever follows the log goes on beside it.
      const direction = directionIn(await phaseOf(session, change));
      const tables = shadowsOf(change).map((each) => ({ names: each.names, route: routeOf(each, direction) }));
      const open = async (): Promise<Session> => await openEngineSession(this.options.url);
      return await this.governed(
        session,
        change,
        work,
        async (governor) => await proveAll(session, open, tables, this.point, governor, work),
      );
    });
  }

  async cutOver(change: PlannedChange, options: SwapOptions, work: Work): Promise<Swapped> {
    return await this.exchange(change, 'cutOver', options, work);
  }

  async losses(change: PlannedChange, _work: Work): Promise<readonly Loss[]> {
    return await this.withEngine(async (session) => {
      allow(['swapped'], await phaseOf(session, change));
      return await lossesOf(session, change);
    });
  }

  async revert(change: PlannedChange, options: SwapOptions, work: Work): Promise<Swapped> {
    return await this.exchange(change, 'revert', options, work);
  }

  async reapply(change: PlannedChange, options: SwapOptions, work: Work): Promise<Swapped> {
    return await this.exchange(change, 'reapply', options, work);
  }

  private async exchange(
    change: PlannedChange,
    move: 'cutOver' | 'revert' | 'reapply',
    options: SwapOptions,
    work: Work,
  ): Promise<Swapped> {
    const { from, to } = changeMoves[move];
    return await this.hold(change, [...from, to], work, async (hold) => {
      if (hold.phase === to) return { stallMs: 0, attempts: 0 };
      const tools = { ...hold, point: this.point, open: async () => await openSession(this.options.url) };
      return await exchange(tools, change, move, options, work.signal);
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
    to: 'finishing' | 'cancelling',
    signal: AbortSignal,
  ): Promise<void> {
    await this.withEngine(async (session) => {
      if (!(await exists(session, stateTable(change)))) return;
      const fence = await Fence.take(session, change);
      const { phase, unsettled } = await standingOf(session, change, fence);
      allow(from, phase);
      await disconnect(session, change, 'all', signal);
      if (unsettled) await settleIn(phase, { session, fence, point: this.point }, change, signal);
      if (phase !== to)
        await fence.transaction(async () => {
          await fence.keep(phase === 'swapped' ? 'new' : 'old');
          await fence.enter(to);
        });
      await this.point('clean.begin');
      await removeChange(session, fence, change, (await fence.kept())!, this.point, signal);
    });
  }

  async state(changeId: string): Promise<ChangeState | null> {
    return await this.withSession(async (session) => await stateOf(session, changeId));
  }

  async blockers(change: PlannedChange): Promise<readonly Blocker[]> {
    const tables = change.operations.map((operation) => operation.name);
    return await this.withSession(async (session) => await blockersOf(session, tables));
  }

  async leftovers(): Promise<readonly Leftover[]> {
    return await this.withSession(leftoversOf);
  }

  private async hold<T>(
    change: PlannedChange,
    phases: readonly ChangePhase[],
    { signal }: Work,
    action: (hold: Hold) => Promise<T>,
  ): Promise<T> {
    return await this.withEngine(async (session) => {
      const fence = await Fence.take(session, change);
      const { phase, unsettled } = await standingOf(session, change, fence);
      await disconnect(session, change, 'others', signal);
      if (unsettled) await settleIn(phase, { session, fence, point: this.point }, change, signal);
      allow(phases, phase);
      return await action({ session, fence, phase, shadows: shadowsOf(change) });
    });
  }

  /** Keeps a piece of work within what the server bears for as long as it takes. */
  private async governed<T>(
    session: Session,
    change: PlannedChange,
    work: Work,
    action: (governor: Governor) => Promise<T>,
  ): Promise<T> {
    const { url, replicas = [] } = this.options;
    const logs = shadowsOf(change).map(({ names }) => names.log);
    const source = { url, replicas, logs, state: stateTable(change), own: [session.id] };
    return await Governor.during(change.id, work, new ServerProbe(source), action);
  }

  private async withEngine<T>(action: (session: Session) => Promise<T>): Promise<T> {
    return await closing(await openEngineSession(this.options.url), action);
  }

  private async withSession<T>(action: (session: Session) => Promise<T>): Promise<T> {
    const session = await openSession(this.options.url);
    return await closing(session, async () => {
      // Not the server's own mode, by which names and text may be written otherwise.
      await session.execute(`SET sql_mode = '${engineMode}'`);
      return await action(session);
    });
  }
}

async function closing<T>(session: Session, action: (session: Session) => Promise<T>): Promise<T> {
  try {
    return await action(session);
  } finally {
    session.destroy();
  }
}
