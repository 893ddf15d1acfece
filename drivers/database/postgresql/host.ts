import { createHash } from 'node:crypto';
import { BranchRole } from '../../../domain/deploy/database';
import { Failure } from '../../../domain/failures';
import { literal, name } from '../../../domain/schema/postgresql/quote';
import { commentOf, ownerOf, type Account, type OwnedSchema, type SchemaHost } from '../host';
import { text } from './rows';
import { openSession, ServerError, type Session } from './session';

/** The roles without a password that have the rights in a schema; accounts are members of them. */
interface Groups {
  readonly reader: string;
  readonly writer: string;
  /** Owns what is made in the schema, whoever of its members makes it. */
  readonly owner: string;
}

/**
 * PostgreSQL: schemas of one database. Rights belong to three roles of each schema, so that they hold for what is made
 * later, too, and go with the schema.
 */
export class PostgresHost implements SchemaHost {
  /** @param url of the database, for an account that may make schemas and roles. */
  constructor(private readonly url: string) {}

  async createSchema(schema: OwnedSchema): Promise<void> {
    await this.together(async (session) => {
      const owner = await ownedBy(session, schema.name);
      if (owner === schema.owner) return;
      if (owner !== undefined) throw new Failure('STATE_CONFLICT', `there is a schema ${schema.name} already`);
      await session.execute(`CREATE SCHEMA ${name(schema.name)}`);
      await session.execute(`COMMENT ON SCHEMA ${name(schema.name)} IS ${literal(commentOf(schema))}`);
      const groups = await ensureGroups(session, schema.name);
      await session.execute(`ALTER SCHEMA ${name(schema.name)} OWNER TO ${name(groups.owner)}`);
    });
  }

  async dropSchema(schema: OwnedSchema): Promise<void> {
    await this.together(async (session) => {
      if ((await ownedBy(session, schema.name)) !== schema.owner) return;
      await session.execute(`DROP SCHEMA ${name(schema.name)} CASCADE`);
      for (const group of Object.values(await groupsOf(session, schema.name)) as string[]) {
        if (!(await hasRole(session, group))) continue;
        await session.execute(`DROP OWNED BY ${name(group)} CASCADE; DROP ROLE ${name(group)}`);
      }
    });
  }

  async hasSchema(schema: string): Promise<boolean> {
    return await this.together(async (session) => (await ownedBy(session, schema)) !== undefined);
  }

  async schemas(): Promise<readonly OwnedSchema[]> {
    return await this.together(async (session) => {
      const rows = await session.query(
        "SELECT nspname AS name, obj_description(oid, 'pg_namespace') AS said FROM pg_namespace ORDER BY 1",
      );
      return rows.flatMap((row) => {
        const owner = ownerOf(row.said as string | null);
        return owner === null ? [] : [{ name: text(row.name), owner }];
      });
    });
  }

  async sizeOf(schema: string, tables: readonly string[]): Promise<number> {
    return await this.together(async (session) => {
      const [row] = await session.query(
        `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::text AS bytes FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY ($2)`,
        [schema, [...tables]],
      );
      return Number(row!.bytes);
    });
  }

  async run(schema: string, statements: readonly string[]): Promise<void> {
    await this.together(async (session) => {
      const { owner } = await groupsOf(session, schema);
      if (await hasRole(session, owner)) await session.execute(`SET LOCAL ROLE ${name(owner)}`);
      for (const statement of statements) await session.execute(statement);
    }, schema);
  }

  async share(schema: string, tables: readonly string[]): Promise<void> {
    if (tables.length === 0) return;
    await this.together(async (session) => {
      const groups = await groupsOf(session, schema);
      if (!(await hasRole(session, groups.owner))) return;
      const isOurs = typeof (await ownedBy(session, schema)) === 'string';
      for (const { made, sequence, mine } of await madeIn(session, schema, tables)) {
        // What was made in another schema and moved here has none of the rights that are given to what is made here.
        for (const [right, things, group] of rightsOf(groups))
          if ((things === 'SEQUENCES') === sequence)
            await session.execute(`GRANT ${right} ON ${made} TO ${name(group)}`);
        // In a schema that was there before, tables are of whoever made it. Sequences go with their tables.
        if (isOurs && mine && !sequence) await session.execute(`ALTER TABLE ${made} OWNER TO ${name(groups.owner)}`);
      }
    });
  }

  async createAccount({ username, schema, role, verifier }: Account): Promise<void> {
    if (verifier.kind !== 'postgresql')
      throw new Failure('INVALID_INPUT', 'this server wants a verifier for PostgreSQL');
    await this.together(async (session) => {
      const groups = await ensureGroups(session, schema);
      const account = name(username);
      if (!(await hasRole(session, username))) await session.execute(`CREATE ROLE ${account}`);
      await session.execute(`ALTER ROLE ${account} LOGIN INHERIT PASSWORD ${literal(verifier.scramSha256)}`);
      await session.execute(`ALTER ROLE ${account} SET search_path = ${name(schema)}`);
      for (const group of Object.values(groups) as string[])
        await session.execute(`REVOKE ${name(group)} FROM ${account}`);
      for (const group of memberships(groups, role)) await session.execute(`GRANT ${name(group)} TO ${account}`);
      // What it makes belongs to all who may change the schema, and stays when the account goes.
      const acts = role === BranchRole.admin ? `SET role = ${name(groups.owner)}` : 'RESET role';
      await session.execute(`ALTER ROLE ${account} ${acts}`);
    });
  }

  async dropAccount(username: string): Promise<void> {
    await this.together(async (session) => {
      if (!(await hasRole(session, username))) return;
      await session.execute(`ALTER ROLE ${name(username)} NOLOGIN`);
      await session.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [username]);
      await session.execute(`REASSIGN OWNED BY ${name(username)} TO CURRENT_USER; DROP OWNED BY ${name(username)}`);
      await session.execute(`DROP ROLE ${name(username)}`);
    });
  }

  async hasAccount(username: string): Promise<boolean> {
    return await this.together(async (session) => await hasRole(session, username));
  }

  /** Runs one transaction. */
  private async together<T>(action: (session: Session) => Promise<T>, schema = 'pg_catalog'): Promise<T> {
    const session = await openSession(this.url, schema);
    try {
      await session.execute("BEGIN; SET LOCAL lock_timeout = '10s'");
      // Two that make the same roles at once would be in each other's way.
      await session.query("SELECT pg_advisory_xact_lock(hashtextextended('gatewright host', 0))");
      const result = await action(session);
      await session.execute('COMMIT');
      return result;
    } catch (error) {
      throw asFailure(error);
    } finally {
      session.destroy();
    }
  }
}

/** Of whom a schema is: null for nobody of ours, undefined where there is none. */
async function ownedBy(session: Session, schema: string): Promise<string | null | undefined> {
  const [row] = await session.query(
    "SELECT obj_description(oid, 'pg_namespace') AS said FROM pg_namespace WHERE nspname = $1",
    [schema],
  );
  return row && ownerOf(row.said as string | null);
}

async function hasRole(session: Session, role: string): Promise<boolean> {
  return (await session.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role])).length > 0;
}

/** Roles are of all databases of a server, so their names tell the database, too. */
async function groupsOf(session: Session, schema: string): Promise<Groups> {
  const [row] = await session.query('SELECT current_database()::text AS database');
  const hash = createHash('sha256')
    .update(`${text(row!.database)}\n${schema}`)
    .digest('hex')
    .slice(0, 16);
  return { reader: `gw_${hash}_reader`, writer: `gw_${hash}_writer`, owner: `gw_${hash}_owner` };
}

async function ensureGroups(session: Session, schema: string): Promise<Groups> {
  const groups = await groupsOf(session, schema);
  const { reader, writer, owner } = {
    reader: name(groups.reader),
    writer: name(groups.writer),
    owner: name(groups.owner),
  };
  for (const group of Object.values(groups) as string[])
    if (!(await hasRole(session, group))) {
      await session.execute(`CREATE ROLE ${name(group)} NOLOGIN`);
      await session.execute(`COMMENT ON ROLE ${name(group)} IS ${literal(`gatewright schema ${schema}`)}`);
    }
  const here = `IN SCHEMA ${name(schema)}`;
  const statements = [
    // A role has to be one's own before anything can be said in its name.
    `GRANT ${owner} TO CURRENT_USER`,
    `GRANT USAGE ON SCHEMA ${name(schema)} TO ${reader}, ${writer}`,
    `GRANT USAGE, CREATE ON SCHEMA ${name(schema)} TO ${owner}`,
    ...rightsOf(groups).flatMap(([right, things, group]) => [
      `GRANT ${right} ON ALL ${things} ${here} TO ${name(group)}`,
      ...['CURRENT_USER', owner].map(
        (maker) => `ALTER DEFAULT PRIVILEGES FOR ROLE ${maker} ${here} GRANT ${right} ON ${things} TO ${name(group)}`,
      ),
    ]),
  ];
  for (const statement of statements) await session.execute(statement);
  return groups;
}

/** What each role may do with which things. */
function rightsOf({ reader, writer }: Groups): readonly (readonly [string, 'TABLES' | 'SEQUENCES', string])[] {
  return [
    ['SELECT', 'TABLES', reader],
    ['SELECT', 'SEQUENCES', reader],
    ['INSERT, UPDATE, DELETE', 'TABLES', writer],
    ['USAGE', 'SEQUENCES', writer],
  ];
}

/** Tables and views of these names, with the sequences that belong to them. */
async function madeIn(session: Session, schema: string, tables: readonly string[]) {
  const rows = await session.query(
    `WITH made AS (
       SELECT oid, relkind, relowner FROM pg_class
       WHERE relnamespace = $1::regnamespace AND relname = ANY ($2::text[]) AND relkind IN ('r', 'p', 'v', 'm', 'S'))
     SELECT oid::regclass::text AS made, relkind = 'S' AS sequence, relowner = current_user::regrole AS mine FROM made
     UNION SELECT objid::regclass::text, true, false FROM pg_depend
       WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
         AND refobjid IN (SELECT oid FROM made WHERE relkind IN ('r', 'p'))
         AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S')`,
    [name(schema), tables],
  );
  return rows.map((row) => ({ made: text(row.made), sequence: row.sequence === true, mine: row.mine === true }));
}

function memberships({ reader, writer, owner }: Groups, role: BranchRole): readonly string[] {
  const of = { reader: [reader], writer: [writer], readwriter: [reader, writer], admin: [reader, writer, owner] };
  return of[role];
}

function asFailure(error: unknown): unknown {
  if (!(error instanceof ServerError)) return error;
  if (error.fatal) return new Failure('DATABASE_UNREACHABLE', `the database went away: ${error.message}`);
  if (error.sqlState === '42501') return new Failure('DATABASE_RIGHTS', error.message);
  if (error.sqlState === '55P03') return new Failure('CHANGE_BLOCKED', error.message);
  return error;
}
