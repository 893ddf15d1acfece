import { DeployAction, refusalOf } from '../../../domain/deploy/actions';
import type { DeploySignal, Told } from '../../../domain/deploy/contract';
import type { DatabaseRecord } from '../../../domain/deploy/database';
import { actable } from '../../../domain/deploy/request';
import type { DeploymentState, DeployPolicy } from '../../../domain/deploy/states';
import { eventually } from '../../support/eventually';
import type { KillRig, Victim } from './kill-rig';
import { changes, type ServerName } from './servers';
import type { Opened } from './world';

/** A moment of a request's life: it stands before or after an activity has had its effect, or it waits in its state. */
export interface Moment {
  readonly state: DeploymentState;
  /** As in `copy before`; null where it waits. */
  readonly at: string | null;
}

/** Part of a life: something is done, and the moments that follow from it come in their order. */
export interface Leg {
  readonly does: 'open' | 'free the place' | 'drift' | 'nothing' | DeploySignal;
  readonly moments: readonly Moment[];
  /** Where it stands at the end of the leg; null where that depends on the server. */
  readonly until: DeploymentState | null;
}

const at = (state: DeploymentState, ...activities: string[]): Moment[] =>
  activities.map((activity) => ({ state, at: activity }));
const waits = (state: DeploymentState): Moment => ({ state, at: null });

/** From opening to the gate. */
const toTheGate: readonly Leg[] = [
  { does: 'open', moments: [...at('pending', 'check before', 'check after'), waits('ready')], until: 'ready' },
  { does: 'deploy', moments: [...at('queued', 'join before', 'join after'), waits('queued')], until: 'queued' },
  {
    does: 'free the place',
    moments: [
      ...at('submitting', 'prepareChange before', 'prepareChange after'),
      ...at('in_progress', 'copy before', 'copy after', 'prove before', 'prove after'),
      ...at('pending_cutover', 'follow before'),
      waits('pending_cutover'),
    ],
    until: 'pending_cutover',
  },
];

/** The same without anything that is killed. */
const straight: readonly Leg[] = toTheGate.map((leg) => ({ ...leg, moments: [] }));

const applied: Leg = {
  does: 'applyDeploy',
  moments: [...at('in_progress_cutover', 'cutOver before', 'cutOver after'), waits('complete_pending_revert')],
  until: 'complete_pending_revert',
};

/** The lives of requests. Each kills in moments that the others have not. */
export const lives = {
  reverted: [
    ...toTheGate,
    applied,
    {
      does: 'revert',
      moments: [
        ...at('complete_pending_revert', 'refuseLosses after'),
        ...at('in_progress_revert', 'revert before', 'revert after', 'finish before', 'finish after'),
        ...at('complete_revert', 'leave before', 'leave after'),
      ],
      until: 'complete_revert',
    },
  ],
  kept: [
    ...straight,
    { ...applied, moments: [] },
    {
      does: 'skipRevert',
      moments: [
        ...at('complete_pending_revert', 'finish before', 'finish after'),
        ...at('complete', 'conclude after', 'leave after'),
      ],
      until: 'complete',
    },
  ],
  cancelled: [
    ...straight,
    {
      does: 'cancel',
      moments: [
        ...at('in_progress_cancel', 'takeBack before', 'takeBack after'),
        ...at('complete_cancel', 'leave before'),
      ],
      until: 'complete_cancel',
    },
  ],
  failed: [
    ...straight,
    { does: 'drift', moments: [], until: null },
    { does: 'applyDeploy', moments: [waits('complete_error')], until: 'complete_error' },
    {
      does: 'completeDeploy',
      moments: at('complete_error', 'remains after'),
      until: 'complete_cancel',
    },
  ],
  'failed to revert': [
    ...straight,
    { ...applied, moments: [] },
    { does: 'drift', moments: [], until: null },
    { does: 'revert', moments: [waits('complete_revert_error')], until: 'complete_revert_error' },
    {
      does: 'completeDeploy',
      moments: at('complete_revert_error', 'finish before', 'finish after'),
      until: 'complete',
    },
  ],
  expired: [
    ...straight,
    { ...applied, moments: [...at('in_progress_cutover', 'cutOver after'), waits('complete_pending_revert')] },
    { does: 'nothing', moments: [], until: 'complete' },
  ],
} as const satisfies Record<string, readonly Leg[]>;
export type LifeName = keyof typeof lives;

/** Who is killed in a moment; null for nobody. */
export type Plan = (moment: Moment) => Victim | null;

/** Tells a request something, as often as it takes until somebody hears it. */
export async function tell(request: Opened, signal: DeploySignal, told: Partial<Told> = {}): Promise<void> {
  await eventually(async () => {
    await request.tell(signal, told).catch(async (error: unknown) => {
      const { cause } = error as { cause?: { type?: string } };
      // A workflow whose worker died may be a step behind what it has written; it catches up.
      const refused = refusalOf(DeployAction[signal], actable(await request.read(), false));
      // The answer to an earlier one may have been lost.
      if (cause?.type !== 'STATE_CONFLICT' || refused === null) throw error;
    });
  }, 60_000);
}

/** One request among others for the same place, and whoever is killed while it lives. */
export class KilledLife {
  private request: Opened | undefined;
  private first: Opened | undefined;
  /** Who waits for the place behind the request. */
  readonly others: Opened[] = [];

  constructor(
    private readonly rig: KillRig,
    private readonly server: ServerName,
    private readonly database: DatabaseRecord,
    private readonly plan: Plan,
    private readonly policy: Partial<DeployPolicy> = {},
  ) {}

  async live(legs: readonly Leg[]): Promise<Opened> {
    const { world } = this.rig;
    this.first = await this.opened('first', changes[this.server].widen);
    await this.first.reaches('ready');
    await tell(this.first, 'deploy');
    const branch = await world.branch(this.database, 'feature', [changes[this.server].add]);
    for (const leg of legs)
      await this.pass(leg, async () => {
        if (leg.does === 'open') this.request = await world.open(this.database, branch, {}, this.policy);
        else await this.do(leg.does);
      });
    return this.request!;
  }

  private async opened(name: string, statement: string): Promise<Opened> {
    const { world } = this.rig;
    return await world.open(this.database, await world.branch(this.database, name, [statement]));
  }

  private async do(what: Leg['does']): Promise<void> {
    if (what === 'free the place') await this.freeThePlace();
    else if (what === 'drift') await this.drift();
    else if (what !== 'nothing' && what !== 'open') await tell(this.request!, what);
  }

  /** Lets the request go on that waits behind the first, with two others behind it. */
  private async freeThePlace(): Promise<void> {
    const { widen, drop } = changes[this.server];
    this.others.push(await this.opened('next', widen), await this.opened('last', drop));
    for (const other of this.others) {
      await other.reaches('ready');
      await tell(other, 'deploy');
    }
    await tell(this.first!, 'cancel');
  }

  /** Somebody changes the table whose change is under way. */
  private async drift(): Promise<void> {
    const { world } = this.rig;
    const { schema } = await world.branchNamed(this.database, 'main');
    await world.target.run(schema, ['ALTER TABLE orders ADD COLUMN drifted int']);
  }

  private async pass({ moments, until }: Leg, act: () => Promise<void>): Promise<void> {
    const points = moments.filter((moment) => moment.at !== null && this.plan(moment) !== null);
    this.arm(points[0]);
    const failed: unknown[] = [];
    const acting = act().catch((error: unknown) => {
      failed.push(error);
      throw error;
    });
    acting.catch(() => undefined);
    for (const [i, moment] of points.entries()) {
      const reached = (): unknown => [moment.at, this.rig.breakPoints.wasReached, ...failed];
      await eventually(() => expect(reached()).toEqual([moment.at, true]), 60_000);
      await this.kill(moment, () => this.arm(points[i + 1]));
    }
    await acting;
    if (until !== null) await this.request!.reaches(until, 60_000);
    for (const moment of moments) if (moment.at === null) await this.kill(moment, () => undefined);
  }

  private async kill(moment: Moment, killed: () => void): Promise<void> {
    const victim = this.plan(moment);
    if (victim === null) return;
    await this.request?.reaches(moment.state);
    await this.rig.kill(victim);
    killed();
    await this.rig.restart(victim);
  }

  /** Has the worker stop in a moment, and go on from the one before. */
  private arm(moment: Moment | undefined): void {
    if (!moment) return this.rig.breakPoints.clear();
    const [activity, when] = moment.at!.split(' ') as [string, 'before' | 'after'];
    const id = this.request?.ref.requestId;
    this.rig.breakPoints.set({ step: id === undefined ? activity : `${activity} ${id}`, phase: 'do', when });
  }
}
