import { freePort } from '../../environment/ports';
import { startPostgres, type Postgres } from '../../environment/postgres';

/** Ports tried: on a busy machine another program may take one between its choice and its use. */
const TRIES = 5;

/** A PostgreSQL server for tests, on a free port; it forgets what it wrote if the machine goes down. */
export async function testPostgres(directory: string): Promise<Postgres> {
  for (let tries = 1; ; tries++) {
    try {
      return await startPostgres({
        directory,
        port: await freePort(),
        settings: { fsync: 'off', full_page_writes: 'off' },
      });
    } catch (error) {
      if (tries === TRIES || !/Address already in use/.test((error as Error).message)) throw error;
    }
  }
}
