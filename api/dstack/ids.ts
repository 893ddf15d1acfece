import { createHash } from 'node:crypto';

/**
 * The UUID of version 4 that stands for something whose own id is none: clients refuse others for projects and users.
 * Always the same for the same thing.
 */
export function stableUuid(kind: 'project' | 'user', id: string): string {
  const bytes = createHash('sha256').update(`${kind} ${id}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The id of the project that an organization is: its own where that is of version 4. */
export function projectId(organizationId: string): string {
  return /^.{14}4.{4}[89ab]/.test(organizationId) ? organizationId : stableUuid('project', organizationId);
}
