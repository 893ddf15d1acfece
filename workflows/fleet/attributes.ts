import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';

/** What a run of the fleet can be searched by from its first moment; the saga adds its state. */
export function runAttributes(kind: string, organizationId: string): SearchAttributePair[] {
  return [
    { key: defineSearchAttributeKey('SagaKind', 'KEYWORD'), value: kind },
    { key: defineSearchAttributeKey('OrganizationId', 'KEYWORD'), value: organizationId },
  ];
}
