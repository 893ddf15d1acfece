import { DeployAction, refusalOf } from '../../domain/deploy/actions';
import { DeploySignal, type Told } from '../../domain/deploy/contract';
import { actable, type DeployRequest } from '../../domain/deploy/request';
import { holdsPlace, isTerminal } from '../../domain/deploy/states';
import { throttleRatio } from '../../domain/deploy/throttle';
import { Failure, isFailure } from '../../domain/failures';
import type { CutoverPolicy } from '../../domain/rollout/claims';
import type { ApplySignal, ApplyTold } from '../../domain/rollout/contract';
import type { Deps } from '../deps';
import { applyActions, mustAllow as mustAllowVerb, standingOf } from '../rollout/standing';
import { approvalMissing } from './approval';
import { ok, operates, type Answered, type Call, type Called } from './call';
import { Lives } from './lives';
import { Lookup, type RequestFound } from './lookup';
import * as shapes from './schemas';
import { requestView } from './views/request';

const one = '/organizations/{organization}/databases/{database}/deploy-requests/{number}';

const signals: Readonly<Record<DeployAction, DeploySignal>> = {
  [DeployAction.deploy]: DeploySignal.deploy,
  [DeployAction.cancel]: DeploySignal.cancel,
  [DeployAction.applyDeploy]: DeploySignal.applyDeploy,
  [DeployAction.forceCutover]: DeploySignal.forceCutover,
  [DeployAction.revert]: DeploySignal.revert,
  [DeployAction.skipRevert]: DeploySignal.skipRevert,
  [DeployAction.completeDeploy]: DeploySignal.completeDeploy,
  [DeployAction.close]: DeploySignal.close,
  [DeployAction.setThrottle]: DeploySignal.setThrottle,
  [DeployAction.setAutoApply]: DeploySignal.setAutoApply,
};

/** How a deploy goes over several deployments, in PlanetScale's words: one after the other, or all made ready first. */
const cutovers: Readonly<Record<Strategy, CutoverPolicy>> = { serial: 'sequential', parallel: 'barrier' };
type Strategy = 'serial' | 'parallel';

type Addressed = Called<unknown, unknown>;

/** What people do with deploy requests. */
export function actionCalls(deps: Deps): Call[] {
  const { store } = deps;
  const lookup = new Lookup(deps);
  const actions = new Actions(deps);

  const answer = async ({ base }: Addressed, { database, request }: RequestFound): Promise<Answered> => {
    const [shown] = await lookup.shown(database, [request]);
    return ok(requestView(shown!, base));
  };
  /** A call that does one thing with a request and answers with it. */
  const does = (action: DeployAction) =>
    operates('post', `${one}/${action}`, {}, async (called) =>
      answer(called, await actions.act(await lookup.request(called), action, { by: called.caller.label })),
    );

  return [
    operates('post', `${one}/deploy`, { body: shapes.deploy }, async (called) => {
      const told = { by: called.caller.label, instant: called.body.instant_ddl ?? false };
      return answer(called, await actions.deploy(await lookup.request(called), called.body.strategy, told));
    }),
    operates('post', `${one}/revert`, { body: shapes.revert }, async (called) => {
      const told = { by: called.caller.label, acceptLosses: called.body.accept_losses ?? false };
      return answer(called, await actions.act(await lookup.request(called), DeployAction.revert, told));
    }),
    does(DeployAction.cancel),
    does(DeployAction.applyDeploy),
    does(DeployAction.forceCutover),
    does(DeployAction.skipRevert),
    does(DeployAction.completeDeploy),
    operates('patch', one, { body: shapes.closeRequest }, async (called) =>
      answer(called, await actions.act(await lookup.request(called), DeployAction.close, { by: called.caller.label })),
    ),
    operates('put', `${one}/auto-apply`, { body: shapes.enable }, async (called) => {
      const found = await lookup.request(called);
      const { enable } = called.body;
      return answer(called, await actions.set(found, { autoCutover: enable }, { by: called.caller.label, enable }));
    }),
    operates('put', `${one}/auto-delete-branch`, { body: shapes.enable }, async (called) => {
      const { database, request } = await lookup.request(called);
      const noted = await store.deploys.requests.note(called.organizationId, request.id, {
        autoDeleteBranch: called.body.enable,
      });
      return answer(called, { database, request: noted });
    }),
    operates('put', `${one}/throttle`, { body: shapes.throttle }, async (called) => {
      const ratio = throttleRatio(called.body.throttle_ratio);
      await actions.throttle(await lookup.request(called), ratio, called.caller.label);
      return ok({ status: 'ok' });
    }),
  ];
}

/** Does what people want of requests: the workflow is told, and decides for good. */
export class Actions {
  private readonly lives: Lives;

  constructor(private readonly deps: Pick<Deps, 'store' | 'engine' | 'settings' | 'log'>) {
    this.lives = new Lives(deps.settings);
  }

  /**
   * Tells a request's workflow what is wanted.
   * @returns the request as it is then.
   * @throws Failure STATE_CONFLICT (data: state, allowed), APPROVAL_MISSING, ENGINE_UNAVAILABLE
   */
  async act(found: RequestFound, action: DeployAction, told: Told): Promise<RequestFound> {
    await this.mustAllow(found, action);
    if (await this.tell(found, signals[action], told)) return await this.again(found);
    // Its workflow has ended, perhaps a moment ago.
    const now = await this.again(found);
    await this.mustAllow(now, action);
    if (action === DeployAction.close) return await this.close(now, told);
    return await this.tellAnew(now, signals[action], told);
  }

  /** Has a request deployed, over several deployments by a strategy of its own where one is named. */
  async deploy(found: RequestFound, strategy: Strategy | undefined, told: Told): Promise<RequestFound> {
    await this.mustAllow(found, DeployAction.deploy);
    // Noted first: the deploy may have its turn before the answer comes.
    const cutover = strategy === undefined ? null : cutovers[strategy];
    if (found.request.deployment.cutover !== cutover) await this.note(found.request, { cutover });
    return await this.act(found, DeployAction.deploy, told);
  }

  /**
   * Tells the workflow of a request that is deployed over several deployments what somebody wants of that; whether it can
   * be done is the caller's to look at first, and the workflow's to decide.
   * @throws Failure STATE_CONFLICT (data: state, allowed), ENGINE_UNAVAILABLE
   */
  async say(found: RequestFound, signal: DeploySignal | ApplySignal, told: Told & ApplyTold): Promise<RequestFound> {
    if (await this.tell(found, signal, told)) return await this.again(found);
    return await this.tellAnew(await this.again(found), signal, told);
  }

  /** Notes what may be set in any state, and tells the workflow where there is one. */
  async set(found: RequestFound, change: { autoCutover: boolean }, told: Told): Promise<RequestFound> {
    const { database, request } = found;
    const noted = await this.note(request, change);
    if (isAlive(noted)) await this.tell(found, DeploySignal.setAutoApply, told);
    return await this.again({ database, request: noted });
  }

  /** Sets the throttle, which whoever copies reads from the store; the workflow only keeps it in its history. */
  async throttle(found: RequestFound, ratio: number, by: string): Promise<DeployRequest> {
    const noted = await this.note(found.request, { throttle: ratio });
    if (isAlive(noted))
      await this.tell(found, DeploySignal.setThrottle, { by, ratio }).catch((error: unknown) => {
        if (!isFailure(error)) throw error;
        this.deps.log.warn({ err: error }, 'a throttle could not be told');
      });
    return noted;
  }

  private note(
    request: DeployRequest,
    change: { autoCutover: boolean } | { throttle: number } | { cutover: CutoverPolicy | null },
  ): Promise<DeployRequest> {
    return this.deps.store.deploys.requests.note(request.organizationId, request.id, change);
  }

  /** Closes a request without a workflow: the store lets it be closed or deployed, and never both. */
  private async close({ database, request }: RequestFound, { by }: Told): Promise<RequestFound> {
    return {
      database,
      request: await this.deps.store.deploys.requests.close(request.organizationId, request.id, by),
    };
  }

  private async mustAllow({ database, request }: RequestFound, action: DeployAction): Promise<void> {
    const verb = applyActions[action];
    const standing = verb && (await standingOf(this.deps, request));
    if (verb && standing) return mustAllowVerb(verb, standing);
    const reviews = await this.deps.store.deploys.requests.reviews(request.organizationId, request.id);
    const refused = refusalOf(action, actable(request, approvalMissing(request, reviews, database.settings)));
    if (refused) throw refused;
  }

  /** @returns whether there was a workflow that took it in. */
  private async tell({ request }: RequestFound, signal: DeploySignal | ApplySignal, told: Told): Promise<boolean> {
    const { organizationId, databaseId, id, number } = request;
    const ref = { organizationId, databaseId, requestId: id, number };
    return (await this.deps.engine.deploys.tell(ref, signal, told)) !== undefined;
  }

  /** Tells a workflow that is begun again for it. @throws Failure ENGINE_UNAVAILABLE */
  private async tellAnew(
    now: RequestFound,
    signal: DeploySignal | ApplySignal,
    told: Told & Partial<ApplyTold>,
  ): Promise<RequestFound> {
    await this.deps.engine.deploys.startRequest(this.lives.request(now.database, now.request));
    if (await this.tell(now, signal, told)) return await this.again(now);
    throw new Failure('ENGINE_UNAVAILABLE', 'The run of the deploy request has just been begun again.');
  }

  private async again({ database, request }: RequestFound): Promise<RequestFound> {
    const found = await this.deps.store.deploys.requests.byId(request.organizationId, request.id);
    if (!found) throw new Failure('NOT_FOUND');
    return { database, request: found };
  }
}

/** Whether a request has a workflow, or should have one. */
function isAlive({ closedAt, deployment: { state } }: DeployRequest): boolean {
  return closedAt === null && (!isTerminal(state) || holdsPlace(state));
}
