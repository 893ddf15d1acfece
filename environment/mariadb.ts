import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { Component, ComponentFailed } from './process';
import { unprivileged } from './unprivileged';

/** A MariaDB server of our own. */
export interface MariaDb {
  /** Of its administrator, without a database: `mysql://root:...@127.0.0.1:port/`. */
  readonly url: string;
  readonly component: Component;
  stop(): Promise<void>;
}

/** How to run a server. */
export interface MariaDbSpec {
  /** For its data and its log. */
  readonly directory: string;
  readonly port: number;
  /** Server options by name without dashes, as in `{ 'innodb-flush-log-at-trx-commit': '0' }`. */
  readonly options?: Readonly<Record<string, string>>;
}

/**
 * Needed by what changes schemas on line: row-based binary logs, so that no statement is unsafe; triggers by accounts
 * without SUPER; and lock modes that never hold a table for an insert.
 */
const defaults: Readonly<Record<string, string>> = {
  'log-bin': 'binlog',
  'binlog-format': 'ROW',
  'server-id': '1',
  'log-bin-trust-function-creators': '1',
  'innodb-autoinc-lock-mode': '2',
  'max-connections': '300',
  'character-set-server': 'utf8mb4',
  'skip-name-resolve': '1',
};

/**
 * Starts a MariaDB server on 127.0.0.1 with a data directory below `directory`, made where it is missing. As root it runs
 * as an account without rights, which must be able to enter the directory's parents.
 * @throws ComponentFailed when it does not come up or is not installed.
 */
export async function startMariaDb({ directory, port, options = {} }: MariaDbSpec): Promise<MariaDb> {
  const program = installed();
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'root-password');
  const asOwner = unprivileged('nobody', directory);
  // Of its own: a server that starts removes whatever looks like a temporary table, though another is using it.
  const temporary = join(directory, 'tmp');
  unprivileged('nobody', temporary);
  if (!existsSync(passwordFile)) {
    // What a first start left half-done is worth nothing.
    rmSync(data, { recursive: true, force: true });
    const [command, ...args] = asOwner([
      ...[
        'mariadb-install-db',
        '--no-defaults',
        '--force',
        `--datadir=${data}`,
        '--auth-root-authentication-method=normal',
      ],
      ...['--skip-test-db', '--skip-name-resolve'],
    ]);
    await promisify(execFile)(command!, args, { cwd: '/', env: { ...process.env, TMPDIR: temporary } });
  }
  const [command, ...args] = asOwner([
    ...[program, '--no-defaults', `--datadir=${data}`, '--bind-address=127.0.0.1', `--port=${port}`],
    ...[`--socket=${join(directory, 'mariadb.sock')}`, `--pid-file=${join(directory, 'mariadb.pid')}`],
    ...['--plugin-dir=/usr/lib/mysql/plugin', `--tmpdir=${temporary}`, '--secure-file-priv=', '--loose-skip-ssl'],
    ...Object.entries({ ...defaults, ...options }).map(([name, value]) => `--${name}=${value}`),
  ]);
  const password = existsSync(passwordFile) ? readFileSync(passwordFile, 'utf8') : '';
  const component = await Component.start({
    name: 'mariadb',
    command: command!,
    args,
    cwd: '/',
    logFile: join(directory, 'mariadb.log'),
    probe: async () => await withRoot(port, password, async () => undefined),
  });
  if (password !== '') return server(port, password, component);
  const minted = randomBytes(18).toString('base64url');
  await withRoot(port, '', async (run) => {
    // Without name resolution nobody is `localhost`; the others would be ways in without a password.
    await run("DELETE FROM mysql.global_priv WHERE Host <> '127.0.0.1'");
    await run('FLUSH PRIVILEGES');
    await run(`ALTER USER root@'127.0.0.1' IDENTIFIED BY '${minted}'`);
  });
  writeFileSync(passwordFile, minted, { mode: 0o600 });
  return server(port, minted, component);
}

function server(port: number, password: string, component: Component): MariaDb {
  const url = `mysql://root:${password}@127.0.0.1:${port}/`;
  return { url, component, stop: async () => await component.stop('SIGTERM') };
}

/** @throws ComponentFailed naming what to install. */
function installed(): string {
  const program = ['/usr/sbin/mariadbd', '/usr/local/sbin/mariadbd', '/usr/bin/mariadbd'].find((file) =>
    existsSync(file),
  );
  if (program === undefined)
    throw new ComponentFailed(
      'MariaDB is not installed; `apt-get install mariadb-server-core mariadb-client-core` puts it in place',
    );
  return program;
}

async function withRoot(
  port: number,
  password: string,
  action: (run: (sql: string) => Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  const connection = await createConnection({
    ...{ host: '127.0.0.1', port, user: 'root', password, connectTimeout: 2_000 },
  });
  connection.on('error', () => undefined);
  try {
    await action(async (sql) => await connection.query(sql));
  } finally {
    connection.destroy();
  }
}
