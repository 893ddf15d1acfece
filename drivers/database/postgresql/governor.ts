import type { Work } from '../engine';
import { Governor } from '../governor';
import { LoadWatch, type LoadSource } from './server-load';

/** Keeps a piece of work within what a server bears for as long as it takes. */
export async function governed<T>(
  source: LoadSource,
  work: Work,
  action: (governor: Governor) => Promise<T>,
): Promise<T> {
  return await Governor.during(source.changeId, work, (onLoad) => new LoadWatch(source, onLoad), action);
}
