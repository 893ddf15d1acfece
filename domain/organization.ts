import { Failure } from './failures';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether `value` is a lower-case UUID, the one form in which organizations, allocations and replicas are named. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && value.length === 36 && UUID.test(value);
}

/**
 * Reads an organization's id.
 * @throws Failure INVALID_INPUT unless it is a lower-case UUID.
 */
export function organizationId(value: unknown): string {
  if (isUuid(value)) return value;
  throw new Failure(
    'INVALID_INPUT',
    'organization_id must be a lower-case UUID, as in 0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d',
  );
}
