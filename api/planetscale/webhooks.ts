import type { Deps } from '../deps';
import type { Call } from './call';

/** Webhooks of a database. */
export function webhookCalls(_deps: Deps): Call[] {
  return [];
}
