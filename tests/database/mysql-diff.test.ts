import * as fc from 'fast-check';
import { diff } from '../../domain/schema/diff';
import { inOrder, inReverse } from '../../domain/schema/statements';
import { engineMode, mysqlDdl } from '../../domain/schema/mysql/ddl';
import type { Operation } from '../../domain/schema/change';
import type { SchemaModel } from '../../domain/schema/model';
import { introspect } from '../../drivers/database/mysql/introspect';
import { openSession, type Session } from '../../drivers/database/mysql/session';
import { seed } from '../support/random';
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

/** Leads one schema to another by their difference, and back, and looks at both. */
async function thereAndBack(
  one: WrittenSchema,
  other: WrittenSchema,
): Promise<{ to: SchemaModel; operations: readonly Operation[] }> {
  const to = await written('there', other);
  const from = await written('here', one);
  const operations = diff({ from, to, renames: [] }, mysqlDdl);
  for (const statement of inOrder(operations)) await run(statement);
  expect(await introspect(session)).toEqual(to);
  for (const statement of inReverse(operations)) await run(statement);
  expect(await introspect(session)).toEqual(from);
  return { to, operations };
}

test('what is read makes the same schema again, and a difference leads there and back', async () => {
  let altered = 0;
  await fc.assert(
    fc.asyncProperty(mysqlSchema, mysqlSchema, async (one, other) => {
      const { to, operations } = await thereAndBack(one, other);
      altered += operations.filter(({ kind }) => kind === 'ALTER').length;
      const fresh = diff({ from: { ...to, tables: [], views: [], routines: [] }, to, renames: [] }, mysqlDdl);
      await written('here', { statements: inOrder(fresh) });
      expect(await introspect(session)).toEqual(to);
    }),
    { seed, numRuns: Number(process.env.RUNS ?? 30), endOnFailure: !process.env.SHRINK },
  );
  expect(altered).toBeGreaterThan(10);
}, 300_000);

test('another character set of a table is that of the columns that follow it, too', async () => {
  const table = (charset: string, rest: string): WrittenSchema => ({
    statements: [
      `create table t (id int primary key, e enum('a', 'b') not null, own varchar(9) character set utf8mb4 ${rest}) charset=${charset}`,
    ],
  });
  const { operations } = await thereAndBack(table('utf8mb4', ''), table('latin1', ', more text'));
  expect(operations.map(({ kind }) => kind)).toEqual(['ALTER']);
  await thereAndBack(table('utf8mb4 collate utf8mb4_bin', ''), table('utf8mb4', ''));
});

async function run(statement: string): Promise<void> {
  try {
    await session.execute(statement);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${statement}`, { cause: error });
  }
}
