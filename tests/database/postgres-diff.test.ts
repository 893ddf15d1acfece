import * as fc from 'fast-check';
import { inOrder, inReverse } from '../../domain/schema/statements';
import { diff } from '../../domain/schema/diff';
import type { SchemaModel } from '../../domain/schema/model';
import { postgresDdl } from '../../domain/schema/postgresql/ddl';
import { introspect } from '../../drivers/database/postgresql/introspect';
import { openSession, type Session } from '../../drivers/database/postgresql/session';
import type { Postgres } from '../../environment/postgres';
import { seed } from '../support/random';
import type { WrittenSchema } from './support/mysql-schemas';
import { postgresSchema } from './support/postgres-schemas';
import { privatePostgres } from './support/servers';

let server: Postgres;
let here: Session;
let there: Session;

beforeAll(async () => {
  server = await privatePostgres();
  here = await openSession(server.url, 'here');
  there = await openSession(server.url, 'it"s there');
}, 60_000);

afterAll(async () => {
  here.destroy();
  there.destroy();
  await server.stop();
});

/** Puts a schema into a fresh one and reads it. */
async function written(session: Session, { statements }: WrittenSchema): Promise<SchemaModel> {
  const schema = `"${session.schema.replaceAll('"', '""')}"`;
  await session.execute(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`);
  await all(session, statements);
  return await introspect(session);
}

test('what is read makes the same schema again, and a difference leads there and back', async () => {
  let altered = 0;
  await fc.assert(
    fc.asyncProperty(postgresSchema, postgresSchema, async (one, other) => {
      const to = await written(there, other);
      const from = await written(here, one);
      const operations = diff({ from, to, renames: [] }, postgresDdl);
      await all(here, inOrder(operations));
      expect(await introspect(here)).toEqual(to);
      await all(here, inReverse(operations));
      expect(await introspect(here)).toEqual(from);
      altered += operations.filter(({ kind }) => kind === 'ALTER').length;
      const nothing = { tables: [], views: [], routines: [], sequences: [], enums: [], domains: [] };
      const fresh = diff({ from: { ...to, ...nothing }, to, renames: [] }, postgresDdl);
      expect(await written(here, { statements: inOrder(fresh) })).toEqual(to);
    }),
    { seed, numRuns: Number(process.env.RUNS ?? 30), endOnFailure: !process.env.SHRINK },
  );
  expect(altered).toBeGreaterThan(10);
}, 300_000);

async function all(session: Session, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    try {
      await session.execute(statement);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${statement}`, { cause: error });
    }
  }
}
