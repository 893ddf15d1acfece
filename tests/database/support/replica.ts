import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../environment/ports';
import { postgresPrograms, startPostgres, type Postgres } from '../../../environment/postgres';
import { unprivileged } from '../../../environment/unprivileged';

/** A server that follows another one. */
export async function replicaOf(primary: Postgres): Promise<Postgres> {
  const directory = mkdtempSync(join(tmpdir(), 'gatewright-replica-'));
  const { hostname, port, username } = new URL(primary.url);
  const [command, ...args] = unprivileged(
    'postgres',
    directory,
  )([
    join(postgresPrograms(), 'pg_basebackup'),
    ...['-h', hostname, '-p', port, '-U', username, '-D', join(directory, 'data')],
    ...['--write-recovery-conf', '--checkpoint', 'fast', '--no-sync'],
  ]);
  execFileSync(command!, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  const server = await startPostgres({ directory, port: await freePort('127.0.0.1'), settings: { fsync: 'off' } });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
