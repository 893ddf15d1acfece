import { Failure } from '../../domain/failures';
import type { Loss } from './engine';

/** Keeps a revert from being made that would not bring everything back. @throws Failure REVERT_LOSES */
export function refuseLosses(losses: readonly Loss[]): void {
  if (losses.length > 0)
    throw new Failure('REVERT_LOSES', losses.map(({ message }) => message).join('; '), { data: { losses } });
}
