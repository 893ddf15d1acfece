import type { z } from 'zod';
import type { applyPlanSchema } from '../api/rollout/plan-schemas';
import type {
  applyEventSchema,
  applySchema,
  deploymentSchema,
  lockSchema,
  operationSummarySchema,
} from '../api/rollout/schemas';

/* What the API answers with about deployments and rollouts, as its routes declare it. */

export type ApplyJson = z.infer<typeof applySchema>;
/** A share of a rollout, or a row of it that nobody can read. */
export type RowJson = z.infer<typeof operationSummarySchema>;
export type UnreadableJson = Extract<RowJson, { unreadable: string }>;
export type ApplyOperationJson = Exclude<RowJson, UnreadableJson>;
export type ApplyEventJson = z.infer<typeof applyEventSchema>;
export type ApplyPlanJson = z.infer<typeof applyPlanSchema>;
export type PlaceJson = z.infer<typeof deploymentSchema>;
export type LockJson = z.infer<typeof lockSchema>;

/** Everything that is shown of a rollout at one moment. */
export interface RolloutNow {
  readonly apply: ApplyJson;
  readonly operations: readonly RowJson[];
}

/** Whether a row cannot be read. */
export function isUnreadable(row: RowJson): row is UnreadableJson {
  return 'unreadable' in row;
}
