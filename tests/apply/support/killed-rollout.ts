import type { DeploySignal } from '../../../domain/deploy/contract';
import type { ApplyState } from '../../../domain/rollout/states';
import { eventually } from '../../support/eventually';
import type { KillRig, Victim } from '../../deploy/support/kill-rig';
import { tell } from '../../deploy/support/kill-life';
import type { Rollout } from './real-world';

/**
 * A moment of the second of three operations: before or after an activity, or a deed of its database's engine, has had its
 * effect, as in `copy before`; a third word tells apart those that are alike. Or `look before`, between a row and the word that the request gets of it; or
 * `waits`, at the end of a leg.
 */
export type Moment = string;

/** Part of a life: somebody says something, and the moments that follow from it come in their order. */
interface Leg {
  readonly says: DeploySignal;
  readonly moments: readonly Moment[];
  /** Where all operations stand at its end. */
  readonly until: ApplyState;
}

const toTheBarrier: Leg = {
  says: 'deploy',
  moments: [
    ...['standing before', 'standing after', 'makeReady before', 'prepare before', 'prepare after'],
    ...['copy before', 'copy after', 'prove before', 'prove after', 'look before', 'makeReady after', 'waits'],
  ],
  until: 'waiting_for_cutover',
};

const toTheWindow: Leg = {
  says: 'applyDeploy',
  moments: [...['cutOver before', 'cutOver after', 'cutOverWhenTold after'], 'waits live'],
  until: 'revert_window',
};

const lives = {
  kept: [
    toTheBarrier,
    toTheWindow,
    {
      says: 'skipRevert',
      moments: ['finish before', 'finish after', 'finishWhenTold after', 'endOperation before', 'endOperation after'],
      until: 'completed',
    },
  ],
  reverted: [
    toTheBarrier,
    toTheWindow,
    {
      says: 'revert',
      moments: ['revert before', 'revert after', 'finish before', 'finish after', 'move after reverted'],
      until: 'reverted',
    },
  ],
  cancelled: [
    toTheBarrier,
    {
      says: 'cancel',
      moments: ['takeBack before', 'takeBack after', 'move before cancelled', 'move after cancelled'],
      until: 'cancelled',
    },
  ],
} as const satisfies Record<string, readonly Leg[]>;
export type Life = keyof typeof lives;

export function legsOf(life: Life): readonly Leg[] {
  return lives[life];
}

/** What an engine does. */
const deeds: readonly string[] = ['prepare', 'copy', 'prove', 'cutOver', 'revert', 'finish'];

/** A request over three deployments, and whoever is killed in moments of the second. */
export class KilledRollout {
  private readonly killed: Moment[] = [];
  private operationId = '';

  constructor(
    private readonly rig: KillRig,
    private readonly rollout: Rollout,
    private readonly victimOf: (moment: Moment) => Victim | null,
  ) {}

  /** @returns the moments in which somebody was killed. */
  async live(life: Life): Promise<readonly Moment[]> {
    for (const leg of legsOf(life)) await this.pass(leg);
    return this.killed;
  }

  private async pass({ says, moments, until }: Leg): Promise<void> {
    const points = moments.filter((moment) => !moment.startsWith('waits') && this.victimOf(moment) !== null);
    if (says === 'deploy') {
      // Held until it is known which operations there are.
      this.rig.breakPoints.set({ step: `check ${this.rollout.id}`, phase: 'do', when: 'after' });
      await tell(this.rollout.request, says);
      await this.reached('check');
      this.operationId = (await this.rollout.operations())[1]!.id;
      this.arm(points[0]);
    } else {
      this.arm(points[0]);
      await tell(this.rollout.request, says);
    }
    for (const [i, moment] of points.entries()) {
      await this.reached(moment);
      await this.kill(moment, () => this.arm(points[i + 1]));
    }
    await this.rollout.until(until, (_, all) => all.every(({ state }) => state === until), 90_000);
    for (const moment of moments)
      if (moment.startsWith('waits') && this.victimOf(moment) !== null) await this.kill(moment, () => undefined);
  }

  private async reached(moment: string): Promise<void> {
    await eventually(() => expect([moment, this.rig.breakPoints.wasReached]).toEqual([moment, true]), 60_000);
  }

  private async kill(moment: Moment, killed: () => void): Promise<void> {
    const victim = this.victimOf(moment)!;
    await this.rig.kill(victim);
    this.killed.push(moment);
    killed();
    await this.rig.restart(victim);
  }

  private arm(moment: Moment | undefined): void {
    if (moment === undefined) return this.rig.breakPoints.clear();
    const [activity, when] = moment.split(' ') as [string, 'before' | 'after'];
    // A request hears of all its operations in the same way.
    const id = activity === 'look' ? this.rollout.request.handle.workflowId : this.operationId;
    const about = deeds.includes(activity) ? this.rollout.schemas[1]! : id;
    this.rig.breakPoints.set({ step: `${activity} ${about}`, phase: 'do', when });
  }
}
