import { freePort } from '../../environment/ports';

/** Ports tried: on a busy machine another program may take one between its choice and its use. */
const TRIES = 5;

/** Starts a server on a free port, and on another one where that is taken meanwhile. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tries === TRIES || !/Address already in use/i.test((error as Error).message)) throw error;
    }
  }
}
