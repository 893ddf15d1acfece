import { mysqlDdl } from '../../domain/schema/mysql/ddl';
import type { PlannedChange } from '../../domain/schema/plan';
import { planChange } from '../../domain/schema/ways';
import { introspect } from '../../drivers/database/mysql/introspect';
import { openSession, type Session } from '../../drivers/database/mysql/session';
import { startMariaDb } from '../../environment/mariadb';
import { freePort } from '../../environment/ports';
import { inDirectory, timed, type BenchServer } from './server';
import { mySqlTools } from './tools';

/** Rows are on disk within a second, for everybody who is compared; the table fits into memory. */
const options = {
  'innodb-flush-log-at-trx-commit': '2',
  'sync-binlog': '0',
  'innodb-buffer-pool-size': '2G',
  'innodb-log-file-size': '1G',
};

/** Schemas that the bench makes and drops. */
const SCHEMAS = ['gatewright_bench', 'gatewright_bench_branch'] as const;
const columns = 'id, k, v, n, amount, filler, at';

/** What is changed, as every tool takes it. */
const mySqlAlter = 'MODIFY n BIGINT NOT NULL, ADD COLUMN fresh INT NOT NULL DEFAULT 7';

const table = (name: string): string =>
  `CREATE TABLE ${name} (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, v VARCHAR(40), n INT NOT NULL, ` +
  'amount DECIMAL(10,2) NOT NULL, filler VARCHAR(80) NOT NULL, at DATETIME NOT NULL, KEY t_k (k)) ENGINE=InnoDB';

/** @param given a server that is there, `mysql://user:password@host:port/`; otherwise one of our own is started. */
export async function startMySql(given?: string): Promise<BenchServer> {
  const own = given === undefined ? await inDirectory(startOwn) : null;
  const base = new URL(given ?? own!.url);
  const url = (schema: string): string => Object.assign(new URL(base), { pathname: `/${schema}` }).href;
  const admin = await openSession(url(''));
  for (const schema of SCHEMAS) {
    await admin.execute(`DROP DATABASE IF EXISTS ${schema}`);
    await admin.execute(`CREATE DATABASE ${schema}`);
  }
  const [session, branch] = [await openSession(url(SCHEMAS[0])), await openSession(url(SCHEMAS[1]))];
  const [row] = await session.query('SELECT VERSION() AS version');
  const version = String(row!.version);
  return {
    name: version.includes('MariaDB') ? `MariaDB ${version.split('-')[0]}` : `MySQL ${version}`,
    target: { kind: 'mysql', url: url(SCHEMAS[0]) },
    fill: async (rows) => await fill(session, rows),
    planned: async (id) => await planned(id, session, branch),
    insertSelect: async () => await insertSelect(session),
    peers: [
      { name: 'INSERT .. SELECT', run: async () => await insertSelect(session) },
      {
        name: 'ALTER TABLE, ALGORITHM=COPY',
        run: async () => await timed(async () => await session.execute(`ALTER TABLE t ${mySqlAlter}, ALGORITHM=COPY`)),
      },
      ...mySqlTools(url(SCHEMAS[0]), mySqlAlter),
    ],
    stop: async () => {
      for (const schema of SCHEMAS) await admin.execute(`DROP DATABASE IF EXISTS ${schema}`);
      for (const each of [admin, session, branch]) each.destroy();
      await own?.stop();
    },
  };
}

async function startOwn(directory: string) {
  return await startMariaDb({ directory, port: await freePort(), options });
}

async function fill(session: Session, rows: number): Promise<void> {
  // Also whatever a change left that came to nothing.
  await session.execute(`DROP DATABASE ${SCHEMAS[0]}`);
  await session.execute(`CREATE DATABASE ${SCHEMAS[0]}`);
  await session.execute(`USE ${SCHEMAS[0]}`);
  await session.execute('CREATE TABLE d (n INT PRIMARY KEY)');
  const thousand = Array.from({ length: 1_000 }, (_, n) => `(${n})`).join(', ');
  await session.execute(`INSERT INTO d VALUES ${thousand}`);
  await session.execute(table('t'));
  const id = '(a.n * 1000000 + b.n * 1000 + c.n + 1)';
  // In the order of the key, and in transactions that no server minds.
  for (let million = 0; million * 1_000_000 < rows; million++)
    await session.execute(
      `INSERT INTO t (${columns}) SELECT ${id}, ${id} % 9973, 'init', ${id}, ${id} % 1000, ` +
        `SHA2(${id}, 256), '2026-01-01 00:00:00' ` +
        `FROM d AS a STRAIGHT_JOIN d AS b STRAIGHT_JOIN d AS c WHERE a.n = ${million} AND ${id} <= ${rows} ORDER BY a.n, b.n, c.n`,
    );
  await session.query('ANALYZE TABLE t');
}

async function planned(id: string, session: Session, branch: Session): Promise<PlannedChange> {
  await branch.execute('DROP TABLE IF EXISTS t');
  await branch.execute(table('t'));
  await branch.execute(`ALTER TABLE t ${mySqlAlter}`);
  const onlyT = async (of: Session) => {
    const model = await introspect(of);
    return { ...model, tables: model.tables.filter(({ name }) => name === 't') };
  };
  const change = { from: await onlyT(session), to: await onlyT(branch), renames: [] };
  return planChange(id, change, mysqlDdl, { instant: new Set(), instantWanted: false });
}

async function insertSelect(session: Session): Promise<number> {
  await session.execute('DROP TABLE IF EXISTS plain');
  await session.execute(table('plain'));
  await session.execute(`ALTER TABLE plain ${mySqlAlter}`);
  const ms = await timed(async () => await session.execute(`INSERT INTO plain (${columns}) SELECT ${columns} FROM t`));
  await session.execute('DROP TABLE plain');
  return ms;
}
