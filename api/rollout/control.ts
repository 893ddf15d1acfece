import { DeploySignal, type Told } from '../../domain/deploy/contract';
import { throttleOfVolume } from '../../domain/deploy/throttle';
import { Failure } from '../../domain/failures';
import { ApplyAction, isBeforeLive, refusalOf } from '../../domain/rollout/actions';
import type { ApplyOperation } from '../../domain/rollout/apply';
import { ApplySignal, type ApplyTold } from '../../domain/rollout/contract';
import { applyNowOf } from '../../domain/rollout/now';
import { isSettled } from '../../domain/rollout/states';
import type { Deps } from '../deps';
import { Actions } from '../planetscale/actions';
import { readable, RolloutLookup, type ApplyFound, type ApplyShown } from './lookup';
import { inVerbs } from './standing';
import { allowedVerbs, applyView } from './views';

type Saying = Told & ApplyTold;

/** Says to an apply what people want of it: its workflow is told, and decides for good. */
export class ApplyControl {
  private readonly actions: Actions;
  private readonly lookup: RolloutLookup;

  constructor(deps: Deps) {
    this.actions = new Actions(deps);
    this.lookup = new RolloutLookup(deps);
  }

  /** @throws Failure STATE_CONFLICT, ENGINE_UNAVAILABLE */
  async stop(found: ApplyFound, saying: Saying): Promise<object> {
    const { before, shown } = await this.say(found, ApplyAction.stop, ApplySignal.stop, saying);
    const stopped = before.filter(({ state }) => isBeforeLive(state) && state !== 'stopped').length;
    return { ...applyView(shown), stopped_count: stopped, skipped_count: before.length - stopped };
  }

  async start(found: ApplyFound, saying: Saying): Promise<object> {
    const { before, shown } = await this.say(found, ApplyAction.start, ApplySignal.start, saying);
    const started = before.filter(({ state }) => isBeforeLive(state)).length;
    return { ...applyView(shown), started_count: started, skipped_count: before.length - started };
  }

  async pause(found: ApplyFound, saying: Saying): Promise<object> {
    return applyView((await this.say(found, ApplyAction.pause, ApplySignal.pause, saying)).shown);
  }

  async release(found: ApplyFound, saying: Saying): Promise<object> {
    const { before, shown } = await this.say(found, ApplyAction.release, ApplySignal.release, saying);
    const held = before.filter((each) => each.state === 'failed' && each.onFailure === 'pause' && !each.released);
    return { ...applyView(shown), released_count: held.length };
  }

  /** @param force whether whatever is in the way of its locks is ended */
  async cutOver(found: ApplyFound, saying: Saying, force: boolean): Promise<object> {
    const signal = force ? DeploySignal.forceCutover : DeploySignal.applyDeploy;
    return applyView((await this.say(found, ApplyAction.applyDeploy, signal, saying)).shown);
  }

  async cancel(found: ApplyFound, saying: Saying): Promise<object> {
    return applyView((await this.say(found, ApplyAction.cancel, DeploySignal.cancel, saying)).shown);
  }

  /** @throws Failure REVERT_LOSES (data: losses) where it would lose something, and nobody has accepted that */
  async revert(found: ApplyFound, saying: Saying): Promise<object> {
    return applyView((await this.say(found, ApplyAction.revert, DeploySignal.revert, saying)).shown);
  }

  async skipRevert(found: ApplyFound, saying: Saying): Promise<object> {
    return applyView((await this.say(found, ApplyAction.skipRevert, DeploySignal.skipRevert, saying)).shown);
  }

  /** @throws Failure INVALID_INPUT for an environment that it does not go to */
  async override(found: ApplyFound, saying: Saying): Promise<object> {
    const { environment } = saying;
    const rows = readable(await this.lookup.rows(found.apply));
    if (!rows.some((each) => each.environment === environment))
      throw new Failure('INVALID_INPUT', 'environment: none of its deployments is in that one.');
    return applyView((await this.say(found, ApplyAction.override, ApplySignal.override, saying)).shown);
  }

  /** @throws Failure INVALID_INPUT for an operation that is none of it */
  async retry(found: ApplyFound, saying: Saying): Promise<object> {
    const { operationId } = saying;
    const rows = await this.lookup.rows(found.apply);
    if (operationId !== undefined && !rows.some(({ id }) => id === operationId))
      throw new Failure('INVALID_INPUT', 'operation_id: there is no such operation of it.');
    return applyView((await this.say(found, ApplyAction.retry, ApplySignal.retry, saying)).shown);
  }

  /** @param volume 1 to 11 */
  async volume(found: ApplyFound, volume: number, by: string): Promise<object> {
    const { state } = found.apply;
    if (isSettled(state)) {
      const data = { state, allowed: [] };
      throw new Failure('STATE_CONFLICT', `cannot change the volume: the rollout is over (${state})`, { data });
    }
    const { database, request } = await this.lookup.shown(found);
    await this.actions.throttle({ database, request }, throttleOfVolume(volume), by);
    return applyView(await this.lookup.again(found));
  }

  private async say(
    found: ApplyFound,
    action: ApplyAction,
    signal: DeploySignal | ApplySignal,
    saying: Saying,
  ): Promise<{ readonly before: readonly ApplyOperation[]; readonly shown: ApplyShown }> {
    const { database, request, apply, rows } = await this.lookup.shown(found);
    const before = readable(rows);
    const refused = refusalOf(action, applyNowOf(apply, before));
    if (refused) {
      const data = { ...refused.data, allowed: allowedVerbs(apply, before) };
      throw new Failure(refused.code, refused.message, { data });
    }
    await inVerbs(() => this.actions.say({ database, request }, signal, saying));
    return { before, shown: await this.lookup.again(found) };
  }
}
