import type { DeployRequest } from '../../domain/deploy/request';
import { Failure, isFailure } from '../../domain/failures';
import { DeployAction } from '../../domain/deploy/actions';
import { ApplyAction, allowedApplyActions, refusalOf } from '../../domain/rollout/actions';
import { readApplyOperation } from '../../domain/rollout/apply-row';
import type { ApplyNow } from '../../domain/rollout/contract';
import { applyNowOf } from '../../domain/rollout/now';
import { isSettled } from '../../domain/rollout/states';
import type { Deps } from '../deps';
import { ApplyVerb } from './verbs';

/** What is done with the apply of a request that has one; everything else is about the request alone. */
export const applyActions: Partial<Record<DeployAction, ApplyAction>> = {
  [DeployAction.cancel]: ApplyAction.cancel,
  [DeployAction.applyDeploy]: ApplyAction.applyDeploy,
  [DeployAction.forceCutover]: ApplyAction.applyDeploy,
  [DeployAction.revert]: ApplyAction.revert,
  [DeployAction.skipRevert]: ApplyAction.skipRevert,
};

/** What can be done with a request whose apply stands somewhere. @param alone what could be done with the request alone */
export function allowedWith(standing: ApplyNow, alone: readonly DeployAction[]): DeployAction[] {
  const allowed = allowedApplyActions(standing);
  return Object.values(DeployAction).filter((action) => {
    const those = applyActions[action];
    return those === undefined ? alone.includes(action) : allowed.includes(those);
  });
}

/** Where the apply of a request stands; null where it has none, or it is over, so that the request alone counts. */
export async function standingOf(
  { store }: Pick<Deps, 'store'>,
  { organizationId, id, deployedAt }: Pick<DeployRequest, 'organizationId' | 'id' | 'deployedAt'>,
): Promise<ApplyNow | null> {
  const { applies } = store.rollouts;
  const apply = deployedAt === null ? null : await applies.get(organizationId, id);
  if (!apply || isSettled(apply.state)) return null;
  const rows = (await applies.rows(organizationId, id)).map((row) => readApplyOperation(row, id));
  return applyNowOf(
    apply,
    rows.filter((row) => typeof row !== 'string'),
  );
}

/** @throws Failure STATE_CONFLICT (data: state, allowed) when something cannot be done with an apply now */
export function mustAllow(action: ApplyAction, standing: ApplyNow): void {
  const refused = refusalOf(action, standing);
  if (refused) throw refused;
}

/** What can be done with an apply, by the words of its routes. */
export function verbOf(action: ApplyAction): ApplyVerb {
  return action === 'apply-deploy' ? ApplyVerb.cutover : action;
}

/** Works, and says of a refusal what is allowed by the words of the routes. */
export async function inVerbs<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isFailure(error) || !Array.isArray(error.data['allowed'])) throw error;
    const allowed = (error.data['allowed'] as ApplyAction[]).map(verbOf);
    throw new Failure(error.code, error.message, { data: { ...error.data, allowed }, cause: error });
  }
}
