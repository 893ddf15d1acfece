import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { startMariaDb, type MariaDb } from '../../../environment/mariadb';
import type { Postgres } from '../../../environment/postgres';
import { onFreePort } from '../../support/free-port';
import { testPostgres } from '../../support/postgres';
import { withSetUpData } from '../../support/set-up-data';

/** A MariaDB or MySQL server for tests. */
export type TestMySql = Pick<MariaDb, 'url' | 'stop'>;

/**
 * A MariaDB server for the tests of one file; nobody misses its data, so it need not reach the disk. Where MYSQL_URL gives
 * a MySQL server (`mysql://root:password@host:port/`), it is that; its databases `app`, `branch`, `here` and `there` go.
 */
export async function privateMariaDb(options: Readonly<Record<string, string>> = {}): Promise<TestMySql> {
  const given = process.env.MYSQL_URL;
  if (given) return { url: given.replace(/\/*$/, '/'), stop: async () => await Promise.resolve() };
  const directory = mkdtempSync(join(tmpdir(), 'gatewright-mariadb-'));
  const quick = { 'innodb-flush-log-at-trx-commit': '0', 'sync-binlog': '0', 'innodb-buffer-pool-size': '256M' };
  const start = async (where: string, own: Readonly<Record<string, string>>): Promise<MariaDb> =>
    await onFreePort((port) => startMariaDb({ directory: where, port, options: { ...quick, ...own } }));
  await withSetUpData('mariadb', directory, async (where) => await start(where, {}));
  const server = await start(directory, options);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A PostgreSQL server for the tests of one file. */
export async function privatePostgres(settings: Readonly<Record<string, string>> = {}): Promise<Postgres> {
  const directory = mkdtempSync(join(tmpdir(), 'gatewright-postgres-'));
  const server = await testPostgres(directory, settings);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
