import * as fc from 'fast-check';
import { diff } from '../../domain/schema/diff';
import { inOrder, inReverse } from '../../domain/schema/statements';
import { engineMode, mysqlDdl } from '../../domain/schema/mysql/ddl';
import type { SchemaModel } from '../../domain/schema/model';
import { introspect } from '../../drivers/database/mysql/introspect';
import { openSession, type Session } from '../../drivers/database/mysql/session';
import type { TestMySql } from './support/servers';
import { mysqlSchema, type WrittenSchema } from './support/mysql-schemas';
import { privateMariaDb } from './support/servers';

let server: TestMySql;
let session: Session;

beforeAll(async () => {
  server = await privateMariaDb();
  session = await openSession(server.url);
  await session.execute(`SET sql_mode = '${engineMode}'`);
  // MySQL refuses by default what it takes, and MariaDB takes anyway: references to keys that are not unique.
  if (process.env.MYSQL_URL) await session.execute('SET restrict_fk_on_non_standard_key = OFF');
}, 60_000);

afterAll(async () => {
  session.destroy();
  await server.stop();
});

/** Puts a schema into a fresh database and reads it. */
async function written(database: string, { statements }: WrittenSchema): Promise<SchemaModel> {
  await session.execute(`DROP DATABASE IF EXISTS ${database}`);
  await session.execute(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
  await session.execute(`USE ${database}`);
  for (const statement of statements) await session.execute(statement);
  return await introspect(session);
}

test('what is read makes the same schema again, and a difference leads there and back', async () => {
  let altered = 0;
  await fc.assert(
    fc.asyncProperty(mysqlSchema, mysqlSchema, async (one, other) => {
      const to = await written('there', other);
      const from = await written('here', one);
      const operations = diff({ from, to, renames: [] }, mysqlDdl);
      for (const statement of inOrder(operations)) await run(statement);
      expect(await introspect(session)).toEqual(to);
      for (const statement of inReverse(operations)) await run(statement);
      expect(await introspect(session)).toEqual(from);
      altered += operations.filter(({ kind }) => kind === 'ALTER').length;
      const fresh = diff({ from: { ...to, tables: [], views: [], routines: [] }, to, renames: [] }, mysqlDdl);
      await written('here', { statements: inOrder(fresh) });
      expect(await introspect(session)).toEqual(to);
    }),
    { numRuns: Number(process.env.RUNS ?? 60), endOnFailure: !process.env.SHRINK },
  );
  expect(altered).toBeGreaterThan(20);
}, 300_000);

async function run(statement: string): Promise<void> {
  try {
    await session.execute(statement);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${statement}`, { cause: error });
  }
}
