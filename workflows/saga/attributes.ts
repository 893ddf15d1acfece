import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { searchAttributes } from '../../domain/gateway/contract';
import type { SagaState } from '../../domain/saga';

const keys = {
  state: defineSearchAttributeKey('SagaState', searchAttributes.SagaState),
  since: defineSearchAttributeKey('NeedsAttentionSince', searchAttributes.NeedsAttentionSince),
  severity: defineSearchAttributeKey('AttentionSeverity', searchAttributes.AttentionSeverity),
};

/** Makes the run findable by its state in Temporal's visibility; what it already says is not written again. */
export function publishState(state: SagaState, since?: Date, severity?: 'warning' | 'critical'): void {
  const known = workflowInfo().typedSearchAttributes;
  const changes = [];
  if (known.get(keys.state) !== state) changes.push({ key: keys.state, value: state });
  if (known.get(keys.since)?.getTime() !== since?.getTime()) changes.push({ key: keys.since, value: since ?? null });
  if (known.get(keys.severity) !== severity) changes.push({ key: keys.severity, value: severity ?? null });
  if (changes.length > 0) upsertSearchAttributes(changes);
}
