import type { SchemaChange } from '../../../domain/schema/change';
import type { LintPolicy } from '../../../domain/schema/lint';
import type { LintMessage } from '../../../domain/schema/lint-codes';
import type { SchemaModel } from '../../../domain/schema/model';
import { changeMoves, type ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Blocker, ChangeState, Leftover, Loss, PlanWishes, Proof, SchemaEngine } from '../engine';
import type { SwapOptions, Swapped, Work } from '../engine';
import { Governor } from '../governor';
import { refuseLosses } from '../refuse-losses';
import { removeChange } from './clean';
import { catchUp, copyAll } from './copying';
import { Drainer } from './drain';
import { usersOwn } from './drift';
import { openEngineSession, withEngineSession } from './engine-session';
import { followLogs } from './following';
import { introspect } from './introspect';
import { dressAll } from './dress-all';
import { leftoversIn } from './janitor';
import { lint } from './lint';
import { lossesOf, sendBack } from './losses';
import { plan } from './plan';
import type { OnPoint, Point } from './points';
import { makeHelpers, startLogs } from './prepare';
import { progressOf } from './progress';
import { proveAll } from './proving';
import type { Session } from './session';
import { allow, refuseRefused, refuseUnsafe } from './refusals';
import { ServerProbe } from './server-load';
import { settle } from './settle';
import { directionIn, routeOf, shadowsOf, type ShadowTables } from './shadows';
import { createState, Fence, readState } from './state';
import { blockersOf, swap } from './swap';

/** What an engine is made with. */
export interface PostgresEngineOptions {
  /** `postgresql://user:password@host:port/database` */
  readonly url: string;
  readonly schema: string;
  /** For tests alone. */
  readonly onPoint?: OnPoint;
}

/** A process's hold on a change, for one call. */
interface Hold {
  readonly session: Session;
  readonly fence: Fence;
  readonly phase: ChangePhase;
  readonly shadows: readonly ShadowTables[];
  readonly drainers: readonly Drainer[];
}

/** Changes schemas of PostgreSQL without holding their users up. Every call opens sessions of its own. */
export class PostgresEngine implements SchemaEngine {
  private readonly point: Point;

  constructor(private readonly options: PostgresEngineOptions) {
    this.point = async (name) => await options.onPoint?.(name);
  }

  async introspect(_signal: AbortSignal): Promise<SchemaModel> {
    return await this.withSession(async (session) => usersOwn(await introspect(session)));
  }

  async plan(id: string, change: SchemaChange, wishes: PlanWishes, signal: AbortSignal): Promise<PlannedChange> {
    return await this.withSession(async (session) => await plan(session, id, change, wishes, signal));
  }

  async lint(change: PlannedChange, policy: LintPolicy, signal: AbortSignal): Promise<readonly LintMessage[]> {
    return await this.withSession(async (session) => await lint(session, change, policy, signal));
  }

  async prepare(change: PlannedChange, { signal }: Work): Promise<void> {
    await this.withSession(async (session) => {
      await refuseUnsafe(session, change);
      await this.point('prepare.state');
      await createState(session, change);
      const fence = await Fence.take(session, change.id);
      if ((await phaseOf(session, change)) !== 'preparing') return;
      const shadows = shadowsOf(change, session.schema);
      await this.point('prepare.helpers');
      await makeHelpers(session, fence, change, shadows);
      await startLogs(session, fence, change, shadows, this.point, signal);
      await fence.transaction('READ COMMITTED', async () => await fence.enter('copying'));
      await this.point('prepare.done');
    });
  }

  async copy(change: PlannedChange, work: Work): Promise<void> {
    await this.hold(change, ['copying', 'copied'], async (hold) => {
      if (hold.phase === 'copied') return;
      await this.governed(hold, change, work, async (governor) => {
        await copyAll({ ...hold, change, governor, point: this.point }, work);
      });
    });
  }

  async follow(change: PlannedChange, work: Work): Promise<void> {
    await this.hold(change, ['copied', 'swapped', 'reverted'], async (hold) => {
      await this.governed(hold, change, work, async (governor) => {
        await followLogs({ ...hold, change, governor, point: this.point }, hold.phase, work);
      });
    });
  }

  async prove(change: PlannedChange, work: Work): Promise<Proof> {
    return await this.hold(change, ['copied', 'swapped', 'reverted'], async (hold) => {
      const routes = hold.shadows.map((shadow) => routeOf(shadow, directionIn(hold.phase)));
      return await this.governed(
        hold,
        change,
        work,
        async (governor) => await proveAll({ ...hold, routes, governor, point: this.point }, work),
      );
    });
  }

  async cutOver(change: PlannedChange, options: SwapOptions, work: Work): Promise<Swapped> {
    return await this.exchange(change, 'cutOver', options, work);
  }

  async losses(change: PlannedChange, _work: Work): Promise<readonly Loss[]> {
    return await this.hold(
      change,
      ['swapped'],
      async ({ session, shadows }) => await lossesOf(session, change, shadows),
    );
  }

  async revert(change: PlannedChange, options: SwapOptions, work: Work): Promise<Swapped> {
    if (!options.acceptLosses && (await this.phase(change)) === 'swapped')
      refuseLosses(await this.losses(change, work));
    return await this.exchange(change, 'revert', options, work);
  }

  async reapply(change: PlannedChange, options: SwapOptions, work: Work): Promise<Swapped> {
    return await this.exchange(change, 'reapply', options, work);
  }

  async finish(change: PlannedChange, { signal }: Work): Promise<void> {
    await this.remove(change, ['swapped', 'reverted'], 'finishing', signal);
  }

  async cancel(change: PlannedChange, { signal }: Work): Promise<void> {
    await this.remove(change, ['preparing', 'copying', 'copied'], 'cancelling', signal);
  }

  async state(changeId: string): Promise<ChangeState | null> {
    return await this.withSession(async (session) => await progressOf(session, changeId));
  }

  async blockers(change: PlannedChange): Promise<readonly Blocker[]> {
    return await this.withSession(
      async (session) => await blockersOf(session, change, shadowsOf(change, session.schema)),
    );
  }

  async leftovers(): Promise<readonly Leftover[]> {
    return await this.withSession(leftoversIn);
  }

  private async exchange(
    change: PlannedChange,
    move: 'cutOver' | 'revert' | 'reapply',
    options: SwapOptions,
    work: Work,
  ): Promise<Swapped> {
    const { from, to } = changeMoves[move];
    return await this.hold(change, [...from, to], async (hold) => {
      const { session, fence, shadows, drainers, phase } = hold;
      await settle(session, fence, work.signal);
      if (phase === to) return { stallMs: 0, attempts: 0 };
      const direction = move === 'revert' ? 'back' : 'forward';
      await catchUp(change, drainers, work);
      if (!(options.acceptLosses && direction === 'back')) await refuseRefused(drainers, shadows);
      await this.point('dress');
      await dressAll(session, fence, change, shadows, direction);
      const watcher = await openEngineSession(this.options.url, this.options.schema);
      try {
        const onFollowed = async (): Promise<void> => {
          if (direction === 'back' && options.acceptLosses) await sendBack(session, shadows);
          else await refuseRefused(drainers, shadows);
        };
        const tools = { session, watcher, fence, change, shadows, drainers, point: this.point, onFollowed };
        const swapped = await swap(tools, direction, to, options, work);
        await settle(session, fence, work.signal);
        return swapped;
      } finally {
        watcher.destroy();
      }
    });
  }

  private async remove(
    change: PlannedChange,
    from: readonly ChangePhase[],
    to: 'finishing' | 'cancelling',
    signal: AbortSignal,
  ): Promise<void> {
    if ((await this.phase(change)) === null) return;
    await this.withSession(async (session) => {
      const fence = await Fence.take(session, change.id);
      if (to === 'finishing') await settle(session, fence, signal);
      const gone = await fence.transaction('READ COMMITTED', async (phase) => {
        if (phase === to) return await fence.gone();
        allow(from, phase);
        const side = phase === 'swapped' ? ('old' as const) : ('new' as const);
        await fence.enter(to);
        await fence.discard(side);
        return side;
      });
      await this.point('clean.begin');
      await removeChange(session, change, gone, this.point, signal);
    });
  }

  /** Keeps a piece of work within what the server bears for as long as it takes. */
  private async governed<T>(
    { shadows, phase }: Hold,
    { id }: PlannedChange,
    work: Work,
    action: (governor: Governor) => Promise<T>,
  ): Promise<T> {
    const { url, schema } = this.options;
    const logs = shadows.map((shadow) => routeOf(shadow, directionIn(phase)).log);
    return await Governor.during(id, work, new ServerProbe({ url, schema, changeId: id, logs }), action);
  }

  private async phase({ id }: PlannedChange): Promise<ChangePhase | null> {
    return await this.withSession(async (session) => (await readState(session, id))?.phase ?? null);
  }

  private async hold<T>(
    change: PlannedChange,
    phases: readonly ChangePhase[],
    action: (hold: Hold) => Promise<T>,
  ): Promise<T> {
    return await this.withSession(async (session) => {
      const fence = await Fence.take(session, change.id);
      const phase = await phaseOf(session, change);
      allow(phases, phase);
      const shadows = shadowsOf(change, session.schema);
      const drainers = shadows.map((shadow) => new Drainer(session, fence, routeOf(shadow, directionIn(phase))));
      return await action({ session, fence, phase, shadows, drainers });
    });
  }

  private async withSession<T>(action: (session: Session) => Promise<T>): Promise<T> {
    return await withEngineSession(this.options.url, this.options.schema, action);
  }
}

async function phaseOf(session: Session, { id }: PlannedChange): Promise<ChangePhase> {
  return (await readState(session, id))!.phase;
}
