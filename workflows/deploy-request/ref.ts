import type { RequestRef } from '../../domain/deploy/contract';

/** What of a life's input says which request, or which operation of it, something is about. */
export function refOf({ organizationId, databaseId, requestId, number, operation }: RequestRef): RequestRef {
  return { organizationId, databaseId, requestId, number, ...(operation && { operation }) };
}
