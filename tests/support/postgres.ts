import { startPostgres, type Postgres } from '../../environment/postgres';
import { onFreePort } from './free-port';
import { withSetUpData } from './set-up-data';

/** A PostgreSQL server for tests, on a free port; it forgets what it wrote if the machine goes down. */
export async function testPostgres(
  directory: string,
  settings: Readonly<Record<string, string>> = { full_page_writes: 'off' },
): Promise<Postgres> {
  const start = async (where: string): Promise<Postgres> =>
    await onFreePort((port) => startPostgres({ directory: where, port, settings: { fsync: 'off', ...settings } }));
  await withSetUpData('postgresql', directory, start);
  return await start(directory);
}
