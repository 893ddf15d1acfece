import type { ApplyState } from './states';

/** Whether an environment may be changed. */
export interface Gate {
  readonly open: boolean;
  /** Why, for people. */
  readonly reason: string;
  /** Who opened it in spite of its reason. */
  readonly override: Override | null;
}

/** A person's word that an environment is to be changed in spite of its gate. */
export interface Override {
  readonly environment: string;
  readonly by: string;
  readonly reason: string;
  readonly at: Date;
}

/** The share of an environment that its gate is judged by. */
export interface InEnvironment {
  readonly environment: string;
  readonly state: ApplyState;
}

/**
 * The gate of every environment of a rollout, by name. Fails closed: an environment that is in no order, and one behind
 * an environment that is not wholly live, stay as they are until somebody says otherwise.
 * @param order environments, the first to be changed first; none where they are not kept apart
 */
export function gatesOf(
  order: readonly string[],
  operations: readonly InEnvironment[],
  overrides: readonly Override[] = [],
): ReadonlyMap<string, Gate> {
  const missing = new Map<string, number>();
  for (const { environment, state } of operations)
    missing.set(environment, (missing.get(environment) ?? 0) + (isLive(state) ? 0 : 1));
  const gates = new Map<string, Gate>();
  for (const environment of new Set([...order, ...missing.keys()])) {
    const reason = against(environment, order, missing);
    const override = overrides.find((each) => each.environment === environment) ?? null;
    if (reason === null) gates.set(environment, { open: true, reason: 'nothing is before it', override: null });
    else if (!override) gates.set(environment, { open: false, reason, override });
    else gates.set(environment, { open: true, reason: `${override.by} opened it: ${override.reason}`, override });
  }
  return gates;
}

function against(environment: string, order: readonly string[], missing: ReadonlyMap<string, number>): string | null {
  if (order.length === 0) return null;
  const place = order.indexOf(environment);
  if (place === -1) return `environment ${environment} is in no order of environments`;
  const before = order.slice(0, place).find((each) => missing.get(each) !== 0);
  if (before === undefined) return null;
  const left = missing.get(before);
  return left === undefined
    ? `nothing is known of environment ${before}, which comes first`
    : `environment ${before} comes first, and ${left} of its deployments are not live`;
}

/** Whether an environment that comes later may follow. What can be reverted still is live; what was reverted is not. */
function isLive(state: ApplyState): boolean {
  return state === 'completed' || state === 'revert_window';
}
