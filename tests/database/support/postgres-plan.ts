import type { Rename, SchemaChange } from '../../../domain/schema/change';
import { inOrder } from '../../../domain/schema/statements';
import { diff } from '../../../domain/schema/diff';
import { sharedKey } from '../../../domain/schema/key';
import { tableOf, type SchemaModel, type Table } from '../../../domain/schema/model';
import type { PlannedChange, PlannedOperation, Shadow } from '../../../domain/schema/plan';
import { postgresDdl } from '../../../domain/schema/postgresql/ddl';
import { name } from '../../../domain/schema/postgresql/quote';
import { usersOwn } from '../../../drivers/database/postgresql/drift';
import { introspect } from '../../../drivers/database/postgresql/introspect';
import { openSession } from '../../../drivers/database/postgresql/session';

/** Runs statements in a schema. */
export async function run(url: string, schema: string, ...statements: readonly string[]): Promise<void> {
  const session = await openSession(url, schema);
  try {
    for (const statement of statements)
      try {
        await session.execute(statement);
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${statement}`, { cause: error });
      }
  } finally {
    session.destroy();
  }
}

/** The rows of a query. */
export async function rows(url: string, schema: string, query: string): Promise<readonly Record<string, unknown>[]> {
  const session = await openSession(url, schema);
  try {
    return await session.query(query);
  } finally {
    session.destroy();
  }
}

/** Reads a schema without what a change has made in it. */
export async function read(url: string, schema: string): Promise<SchemaModel> {
  const session = await openSession(url, schema);
  try {
    return usersOwn(await introspect(session));
  } finally {
    session.destroy();
  }
}

/** What statements make of a schema, in a branch of it that is made anew. */
export async function wanted(
  url: string,
  schema: string,
  statements: readonly string[],
  renames: readonly Rename[] = [],
): Promise<SchemaChange> {
  const from = await read(url, schema);
  const branch = `branch of ${schema}`;
  await run(url, branch, `DROP SCHEMA IF EXISTS ${name(branch)} CASCADE`, `CREATE SCHEMA ${name(branch)}`);
  const nothing = { tables: [], views: [], routines: [], sequences: [], enums: [], domains: [] };
  const whole = diff({ from: { ...from, ...nothing }, to: from, renames: [] }, postgresDdl);
  await run(url, branch, ...inOrder(whole), ...statements);
  return { from, to: await read(url, branch), renames };
}

/** A change of a schema into what statements make of it; every table that is altered gets a shadow. */
export async function planned(
  url: string,
  schema: string,
  id: string,
  statements: readonly string[],
  renames: readonly Rename[] = [],
): Promise<PlannedChange> {
  const { from, to } = await wanted(url, schema, statements, renames);
  const operations = diff({ from, to, renames }, postgresDdl).map((operation): PlannedOperation => {
    const shadows = operation.object === 'table' && operation.kind === 'ALTER';
    const shadow = shadows ? shadowOf(tableOf(from, operation.name)!, tableOf(to, operation.name)!, renames) : null;
    return { ...operation, way: shadows ? 'shadow' : 'immediate', because: 'a test wants it', shadow };
  });
  return { id, from, to, renames, operations };
}

function shadowOf(from: Table, to: Table, renames: readonly Rename[]): Shadow {
  const key = sharedKey({ dialect: 'postgresql', from, to, renames });
  if ('missing' in key) throw new Error(key.missing);
  return { from, to, renames, key: key.columns };
}
