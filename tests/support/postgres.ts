import { startPostgres, type Postgres } from '../../environment/postgres';
import { onFreePort } from './free-port';

/** A PostgreSQL server for tests, on a free port; it forgets what it wrote if the machine goes down. */
export async function testPostgres(directory: string): Promise<Postgres> {
  const settings = { fsync: 'off', full_page_writes: 'off' };
  return await onFreePort((port) => startPostgres({ directory, port, settings }));
}
