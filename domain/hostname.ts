import { Failure } from './failures';
import { isUuid } from './organization';

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/**
 * Reads a DNS name of lower-case LDH labels (RFC 1123): at most 253 characters, labels of 1 to 63, no trailing dot, no
 * wildcard, at least two labels.
 * @throws Failure INVALID_INPUT for anything else, before it can reach a configuration file or an API.
 */
export function hostname(value: unknown): string {
  if (typeof value === 'string' && value.length <= 253) {
    const labels = value.split('.');
    if (labels.length >= 2 && labels.every((label) => LABEL.test(label))) return value;
  }
  throw new Failure('INVALID_INPUT', `not a host name of lower-case letters, digits and hyphens: ${printable(value)}`);
}

/** The host name that an organization's gateway has in a zone (`org-<uuid>.<zone>`). */
export function gatewayHostname(organization: string, zone: string): string {
  if (!isUuid(organization)) throw new Failure('INVALID_INPUT', 'organization_id must be a lower-case UUID');
  return hostname(`org-${organization}.${hostname(zone)}`);
}

/** A value a user gave, shortened and with everything outside printable ASCII escaped, fit for a message. */
export function printable(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return (text.length > 80 ? `${text.slice(0, 77)}...` : text).replace(/[^\x20-\x7e]/g, '?');
}
