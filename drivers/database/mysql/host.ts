import { BranchRole } from '../../../domain/deploy/database';
import { Failure } from '../../../domain/failures';
import type { CharacterSet } from '../../../domain/schema/model';
import { literal, name } from '../../../domain/schema/mysql/quote';
import { commentOf, ownerOf, type Account, type OwnedSchema, type SchemaHost } from '../host';
import { Errno } from './engine-session';
import { text } from './rows';
import { openSession, ServerError, type Session } from './session';

/** What a role may do in its schema. */
const rights: Readonly<Record<BranchRole, string>> = {
  [BranchRole.reader]: 'SELECT, SHOW VIEW',
  [BranchRole.writer]: 'INSERT, UPDATE, DELETE',
  [BranchRole.readwriter]: 'SELECT, SHOW VIEW, INSERT, UPDATE, DELETE, EXECUTE, CREATE TEMPORARY TABLES, LOCK TABLES',
  [BranchRole.admin]: 'ALL PRIVILEGES',
};

/** The server's numbers of what is there, or not there, already. */
const databaseExists = 1007;
const noSuchThread = 1094;

/** MariaDB or MySQL. MySQL keeps nothing beside a schema's name: there the name is what tells whose it is. */
export class MySqlHost implements SchemaHost {
  /** @param url for an account that may make schemas and accounts; its database is not looked at. */
  constructor(private readonly url: string) {}

  async createSchema(schema: OwnedSchema, defaults: CharacterSet | null = null): Promise<void> {
    await this.withSession(async (session, isMariaDb) => {
      const set = defaults ? ` CHARACTER SET ${defaults.charset} COLLATE ${defaults.collation}` : '';
      const comment = isMariaDb ? ` COMMENT ${literal(commentOf(schema))}` : '';
      try {
        await session.execute(`CREATE DATABASE ${name(schema.name)}${set}${comment}`);
      } catch (error) {
        if (!(error instanceof ServerError) || error.errno !== databaseExists) throw error;
        if (!(await isOwned(session, isMariaDb, schema)))
          throw new Failure('STATE_CONFLICT', `there is a schema ${schema.name} already`);
      }
    });
  }

  async dropSchema(schema: OwnedSchema): Promise<void> {
    await this.withSession(async (session, isMariaDb) => {
      if (await isOwned(session, isMariaDb, schema))
        await session.execute(`DROP DATABASE IF EXISTS ${name(schema.name)}`);
    });
  }

  async hasSchema(schema: string): Promise<boolean> {
    return await this.withSession(async (session) => {
      const rows = await session.query('SELECT 1 FROM information_schema.schemata WHERE schema_name = ?', [schema]);
      return rows.length > 0;
    });
  }

  async schemas(): Promise<readonly OwnedSchema[]> {
    return await this.withSession(async (session, isMariaDb) => {
      if (!isMariaDb) return [];
      const rows = await session.query(
        'SELECT schema_name AS name, schema_comment AS said FROM information_schema.schemata',
      );
      return rows.flatMap((row) => {
        const owner = ownerOf(text(row.said));
        return owner === null ? [] : [{ name: text(row.name), owner }];
      });
    });
  }

  async sizeOf(schema: string, tables: readonly string[]): Promise<number> {
    return await this.withSession(async (session) => {
      const rows = await session.query(
        'SELECT table_name AS name, data_length + index_length AS bytes FROM information_schema.tables WHERE table_schema = ?',
        [schema],
      );
      return rows.reduce((sum, row) => (tables.includes(text(row.name)) ? sum + Number(row.bytes ?? 0) : sum), 0);
    });
  }

  async run(schema: string, statements: readonly string[]): Promise<void> {
    await this.withSession(async (session) => {
      await session.execute(`USE ${name(schema)}`);
      await session.execute('SET foreign_key_checks = 0');
      for (const statement of statements) await session.execute(statement);
    });
  }

  async share(): Promise<void> {
    // Rights are those of the schema, whoever made what is in it.
  }

  async createAccount({ username, schema, role, verifier }: Account): Promise<void> {
    if (verifier.kind !== 'mysql') throw new Failure('INVALID_INPUT', 'this server wants a verifier for MySQL');
    await this.withSession(async (session, isMariaDb) => {
      const identified = isMariaDb
        ? `IDENTIFIED BY PASSWORD ${literal(verifier.nativePassword)}`
        : `IDENTIFIED WITH caching_sha2_password AS ${literal(verifier.cachingSha2)}`;
      const account = accountName(username);
      await session.execute(`CREATE USER IF NOT EXISTS ${account} ${identified}`);
      await session.execute(`ALTER USER ${account} ${identified}`);
      await session.execute(`REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${account}`);
      await session.execute(`GRANT ${rights[role]} ON ${pattern(schema)}.* TO ${account}`);
    });
  }

  async dropAccount(username: string): Promise<void> {
    await this.withSession(async (session) => {
      await session.execute(`DROP USER IF EXISTS ${accountName(username)}`);
      const sessions = await session.query('SELECT id FROM information_schema.processlist WHERE user = ?', [username]);
      for (const { id } of sessions)
        await session.execute(`KILL ${Number(id)}`).catch((error: unknown) => {
          if (!(error instanceof ServerError) || error.errno !== noSuchThread) throw error;
        });
    });
  }

  async hasAccount(username: string): Promise<boolean> {
    return await this.withSession(async (session) => {
      const rows = await session.query('SELECT 1 FROM mysql.user WHERE user = ?', [username]);
      return rows.length > 0;
    });
  }

  private async withSession<T>(action: (session: Session, isMariaDb: boolean) => Promise<T>): Promise<T> {
    const url = new URL(this.url);
    url.pathname = '/';
    const session = await openSession(url.toString());
    try {
      await session.execute('SET lock_wait_timeout = 10');
      const [row] = await session.query('SELECT version() AS version');
      return await action(session, text(row!.version).includes('MariaDB'));
    } catch (error) {
      throw asFailure(error);
    } finally {
      session.destroy();
    }
  }
}

async function isOwned(session: Session, isMariaDb: boolean, { name: schema, owner }: OwnedSchema): Promise<boolean> {
  if (!isMariaDb) return schema.includes(owner.replaceAll('-', '').slice(0, 8));
  const [row] = await session.query(
    'SELECT schema_comment AS said FROM information_schema.schemata WHERE schema_name = ?',
    [schema],
  );
  return row !== undefined && ownerOf(text(row.said)) === owner;
}

function accountName(username: string): string {
  return `${literal(username)}@'%'`;
}

/** The name of a schema where GRANT takes a pattern. */
function pattern(schema: string): string {
  return name(schema.replaceAll('\\', '\\\\').replaceAll('_', '\\_').replaceAll('%', '\\%'));
}

/** Rights that the account lacks, by the server's numbers. */
const denied: readonly number[] = [1044, 1045, 1142, 1227, 1410];

function asFailure(error: unknown): unknown {
  if (!(error instanceof ServerError)) return error;
  if (error.fatal) return new Failure('DATABASE_UNREACHABLE', `the database went away: ${error.message}`);
  if (denied.includes(error.errno)) return new Failure('DATABASE_RIGHTS', error.message);
  if (error.errno === Errno.lockWaitTimeout || error.errno === Errno.deadlock)
    return new Failure('CHANGE_BLOCKED', error.message);
  return error;
}
