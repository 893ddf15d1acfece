import { requestRunId, type RequestRef } from '../../domain/deploy/contract';
import { Failure, isFailureCode } from '../../domain/failures';
import { refusalOf, type ApplyAction } from '../../domain/rollout/actions';
import type { ApplyRecord, Asked } from '../../domain/rollout/apply';
import { operationRunId, type ApplyNow, type ApplyTold } from '../../domain/rollout/contract';
import { deploymentStateOf } from '../../domain/rollout/deployment-state';
import { nextOf, type Next } from '../../domain/rollout/next';
import { applyNowOf } from '../../domain/rollout/now';
import { isSettled } from '../../domain/rollout/states';
import type { FailureView } from '../../domain/saga';
import type { DeployActivities, RolledOn, RollingOn, RolloutActivities, Telling } from './activities';
import { hasMoved } from './looks';
import { isOwn, keyOf } from './operation';
import type { DeployPorts } from './ports';
import { operationsOf } from './several';
import { requestOf } from './subject';

/** How many workflows are asked for at once. */
const CALLS = 20;

/** Who owns the locks of a request. */
export function lockOwner({ number }: Pick<RequestRef, 'number'>): string {
  return `deploy request #${number}`;
}

/** What is done for deploys over several deployments. */
export function rolloutSteps(ports: DeployPorts): Pick<DeployActivities, keyof RolloutActivities> {
  const { applies, locks } = ports.rollouts;

  const stored = async ({ organizationId, requestId }: RequestRef): Promise<ApplyRecord> => {
    const apply = await applies.get(organizationId, requestId);
    if (!apply) throw new Failure('NOT_FOUND', `deploy request ${requestId} has no rollout`);
    return apply;
  };

  const applyNow = async (ref: RequestRef): Promise<ApplyNow> => {
    return applyNowOf(await stored(ref), await operationsOf(ports, ref));
  };

  const rollOn = async ({ known, ...ref }: RequestRef & RollingOn): Promise<RolledOn> => {
    const { organizationId, databaseId, requestId } = ref;
    const [{ deployment }, database] = await Promise.all([
      requestOf(ports, ref),
      ports.deploys.databases.get(organizationId, databaseId),
    ]);
    if (!database) throw new Failure('NOT_FOUND', `there is no database ${databaseId}`);
    const deferred = !deployment.autoCutover && !deployment.instant;
    const { revertWindowMs } = database.settings;
    const { decided, claimed, apply } = await applies.decide(organizationId, requestId, (before, rows, overrides) =>
      nextOf(before, rows, overrides, { deferred, revertWindowMs, now: new Date() }),
    );
    const { claimedBefore, wakesAt } = decided;
    // Who has it here, hears of it sooner than anybody could tell.
    for (const { id, epoch, isNew } of decided.tell) if (isNew) hasMoved({ requestId, operation: { id, epoch } });
    const begun = [...claimedBefore, ...claimed.map(({ operationId: id, epoch }) => ({ id, epoch }))];
    const settled = isSettled(apply.state);
    return {
      state: stateOf(apply, decided),
      stored: deployment.state,
      apply: applyNowOf(apply, decided.operations),
      start: begun.map((operation) => ({ ...operation, key: startKey(operation) })).filter(isNews(known)),
      tell: settled ? [] : toldOf(apply, decided, known),
      settled,
      error: failureOf(apply, decided),
      revertWindowEndsAt: apply.revertWindowEndsAt?.toISOString() ?? null,
      wakeInMs: settled || wakesAt === null ? null : Math.max(0, wakesAt - Date.now()),
    };
  };

  return {
    rollOn,

    async tellApply({ action, organizationId, databaseId, requestId, number, ...told }) {
      const ref = { organizationId, databaseId, requestId, number };
      const now = await applyNow(ref);
      const refusal = refusalOf(action, now);
      if (refusal && !isRepeated(action, now)) throw refusal;
      const asked = askedBy(action, told);
      if (Object.keys(asked).length > 0) await applies.ask(organizationId, requestId, asked);
      if (action === 'release') await applies.release(organizationId, requestId);
      if (action === 'retry') await applies.retry(organizationId, requestId, told.operationId);
      if (action === 'override') {
        const { environment, reason, by } = told;
        if (!environment?.trim() || !reason?.trim())
          throw new Failure('INVALID_INPUT', 'say which environment is opened, and why');
        await applies.override(organizationId, requestId, { environment, reason, by, at: new Date() });
      }
      return await applyNow(ref);
    },

    async rollCall(ref) {
      const { organizationId } = ref;
      const present = (await operationsOf(ports, ref)).filter(({ worker }) => worker === 'alive');
      let lost = 0;
      for (let start = 0; start < present.length; start += CALLS)
        await Promise.all(
          present.slice(start, start + CALLS).map(async (operation) => {
            if (await ports.queues.isRunning(operationRunId({ operation }))) return;
            await applies.mark({ organizationId, operationId: operation.id, epoch: operation.epoch }, 'lost');
            lost++;
          }),
        );
      return { lost };
    },

    async endOperation(ref) {
      if (!isOwn(ref)) return;
      await applies.mark(keyOf(ref), 'none');
      // What has settled has told so with its last move.
      const { state } = await applies.operation(ref.organizationId, ref.operation.id);
      if (!isSettled(state)) await ports.queues.look(requestRunId(ref));
    },

    async settleApply(ref) {
      const { organizationId, databaseId, requestId } = ref;
      const apply = await applies.get(organizationId, requestId);
      if (apply && !isSettled(apply.state)) {
        // What was begun goes on until it is settled by its own rules.
        if ((await operationsOf(ports, ref)).some(({ epoch }) => epoch > 0)) return;
        await applies.ask(organizationId, requestId, { cancel: lockOwner(ref) });
        await rollOn({ ...ref, known: [] });
      }
      const held = (await locks.list(organizationId, databaseId)).filter(({ owner }) => owner === lockOwner(ref));
      for (const { deployments, owner } of held)
        await locks.release(organizationId, { databaseId, deployments, owner });
    },
  };
}

function startKey({ id, epoch }: { readonly id: string; readonly epoch: number }): string {
  return `${id}:${epoch}`;
}

function isNews(known: readonly string[]): (message: { readonly key: string }) => boolean {
  const all = new Set(known);
  return ({ key }) => !all.has(key);
}

/** What was not said before; whatever is decided just now is. */
function toldOf({ asked }: ApplyRecord, { tell }: Next, known: readonly string[]): RolledOn['tell'] {
  const all = new Set(known);
  const by = asked.cancel ?? asked.revert ?? asked.stop ?? asked.skipRevert ?? asked.cutOver ?? 'rollout';
  return tell
    .map(({ id, epoch, wanted, isNew }) => {
      return { id, epoch, wanted, isNew, by, key: `${id}:${epoch}:${wanted}`, acceptLosses: asked.acceptLosses };
    })
    .filter(({ isNew, key }) => isNew || !all.has(key))
    .map(({ isNew: _, ...told }) => told);
}

function stateOf(apply: ApplyRecord, { operations }: Next): RolledOn['state'] {
  const states = operations.map(({ state }) => state);
  // A revert that failed is over, but is what the deploy failed by.
  const isRevertFailed = operations.some(({ state, cutOverAt }) => state === 'failed' && cutOverAt !== null);
  const { cancel, revert } = apply.asked;
  const asked = { cancel: cancel !== null, revert: revert !== null || (isSettled(apply.state) && isRevertFailed) };
  return deploymentStateOf(apply.state, states, asked);
}

function failureOf({ state, error }: ApplyRecord, { operations }: Next): FailureView | null {
  if (state !== 'failed') return null;
  const first = operations.find((operation) => operation.state === 'failed');
  const code = isFailureCode(first?.errorCode) ? first.errorCode : 'INTERNAL';
  return { code, message: error ?? 'a deployment failed' };
}

/** What an action leaves to be asked of the apply. */
function askedBy(action: ApplyAction, { by, acceptLosses = false }: ApplyTold & Partial<Telling>): Partial<Asked> {
  switch (action) {
    case 'stop':
      return { stop: by };
    case 'start':
      return { stop: null };
    case 'pause':
      return { pause: by };
    case 'release':
      return { pause: null };
    case 'apply-deploy':
      return { cutOver: by };
    case 'cancel':
      return { cancel: by, stop: null, pause: null };
    case 'revert':
      return { revert: by, acceptLosses, skipRevert: null, stop: null, pause: null };
    case 'skip-revert':
      return { skipRevert: by };
    case 'retry':
    case 'override':
      return {};
  }
}

/** Whether it was done already, by an attempt whose answer was lost. */
function isRepeated(action: ApplyAction, now: ApplyNow): boolean {
  if (isSettled(now.state)) return false;
  const done: Partial<Record<ApplyAction, boolean>> = {
    stop: now.stopping,
    pause: now.paused,
    cancel: now.cancelling,
    revert: now.reverting,
  };
  return done[action] ?? false;
}
