import type { Rollback } from '../saga/undo';

/** Why a replica that did not answer its farewell may not go back into the pool. */
export const untold = { quarantine: 'it could not be told to stop' } as const;

/** Why a replica may not go back into the pool yet that some edges may still lead an organization to. */
export function pointedAtBy(edges: readonly string[]): { readonly quarantine?: string } {
  return edges.length === 0 ? {} : { quarantine: `${edges.join(', ')} may still lead to it` };
}

/**
 * Why the replica of a run that is taken back may not go back into the pool, if it may not.
 * @param letGo whether it said that it let its epoch go.
 */
export function quarantine(
  { failedStep, cancelled, leftBehind }: Rollback,
  letGo: boolean,
): { readonly quarantine?: string } {
  if (leftBehind.length > 0) return { quarantine: `${leftBehind.join(', ')} could not be taken back` };
  if (failedStep === 'handshake' && !cancelled) return { quarantine: 'it failed its handshake' };
  if (!letGo) return { quarantine: 'it did not confirm that it let its allocation go' };
  return {};
}
