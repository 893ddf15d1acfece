import { createHash } from 'node:crypto';

/** A time as clients decode it. */
export function time(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}

/** Whoever did something, from the label of a token, as in `deploy-bot (3f9c…)`. */
export function actorView(label: string): Record<string, unknown> {
  return {
    id: actorId(label),
    display_name: label.replace(/ \([^()]*\)$/, ''),
    avatar_url: '',
    type: 'ServiceToken',
  };
}

/** {@link actorView} of somebody who need not be. */
export function maybeActor(label: string | null): Record<string, unknown> | null {
  return label === null ? null : actorView(label);
}

/** The token's id in a label; the label itself where it has none. */
export function actorId(label: string): string {
  return /\(([^()]*)\)$/.exec(label)?.[1] ?? label;
}

/** The one region that there is: wherever the servers of the settings are. */
export const regionView = {
  id: 'local',
  provider: 'gatewright',
  enabled: true,
  public_ip_addresses: [],
  display_name: 'Gatewright',
  location: 'where its database servers are',
  slug: 'local',
  current_default: true,
  mysql_supported: true,
  postgresql_supported: true,
} as const;

/** Text as HTML that no browser obeys. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** SQL or a difference as HTML. */
export function preformatted(text: string): string {
  return `<pre>${escaped(text)}</pre>`;
}

/** An id that is always the same for the same thing, where it has none of its own. */
export function derivedId(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 24);
}
