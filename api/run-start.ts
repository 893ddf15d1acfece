import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { searchAttributes } from '../domain/gateway/contract';

/**
 * A workflow task whose worker died is given to another after this time instead of ten seconds. Not shorter: on a machine
 * without CPU to spare, tasks that take longer than this are done again, which leaves it even less (measured with 2 s).
 */
export const WORKFLOW_TASK_TIMEOUT = '4s';

/** What runs are found by. */
export const runKeys = {
  kind: defineSearchAttributeKey('SagaKind', searchAttributes.SagaKind),
  state: defineSearchAttributeKey('SagaState', searchAttributes.SagaState),
  organization: defineSearchAttributeKey('OrganizationId', searchAttributes.OrganizationId),
};

/** What a run that begins is found by. */
export function foundBy(kind: string, organizationId: string): SearchAttributePair[] {
  return [
    { key: runKeys.kind, value: kind },
    { key: runKeys.state, value: 'running' },
    { key: runKeys.organization, value: organizationId },
  ];
}
