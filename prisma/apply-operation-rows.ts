import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { ApplyOperationModel } from './generated/sqlite/models';
import type { Statements } from './statements';
import { table } from './table';

/** A row of an operation with every member there is; that it came from a database says nothing of what they hold. */
export type RawOperation = { -readonly [member in keyof ApplyOperationModel]: unknown };

/** As much of one as the state of its apply follows from. */
export type BriefOperation = Pick<
  RawOperation,
  'id' | 'applyId' | 'position' | 'state' | 'onFailure' | 'released' | 'startedAt' | 'deployment' | 'error'
>;

/** All rows of an apply, whatever they hold, by position where they have one. */
export async function rawOperations(
  database: Database,
  statements: Statements,
  applyId: string,
): Promise<RawOperation[]> {
  const rows = await packed(
    database,
    statements,
    applyId,
    Prisma.raw(`id, organization_id, database_id, deployment_id, deployment, environment, server, schema, position, state,
      on_failure, released, epoch, worker, wanted, attempts, first_failed_at, error, error_code, waits, started_at,
      cut_over_at, completed_at, created_at, updated_at, resource_version`),
  );
  // One literal: there may be very many, and what comes together member by member is read ten times slower.
  const operations = rows.map((row): RawOperation => ({
    id: row[0],
    applyId,
    organizationId: row[1],
    databaseId: row[2],
    deploymentId: row[3],
    deployment: row[4],
    environment: row[5],
    server: row[6],
    schema: row[7],
    position: row[8],
    state: row[9],
    onFailure: row[10],
    released: truth(row[11]),
    epoch: row[12],
    worker: row[13],
    wanted: row[14],
    attempts: row[15],
    firstFailedAt: time(row[16]),
    error: row[17],
    errorCode: row[18],
    waits: row[19],
    startedAt: time(row[20]),
    cutOverAt: time(row[21]),
    completedAt: time(row[22]),
    createdAt: time(row[23]),
    updatedAt: time(row[24]),
    resourceVersion: row[25],
  }));
  return operations.sort((a, b) => place(a) - place(b) || (String(a.id) < String(b.id) ? -1 : 1));
}

/** The same in no order, with no more than the state of the apply follows from. */
export async function briefOperations(
  database: Database,
  statements: Statements,
  applyId: string,
): Promise<BriefOperation[]> {
  const rows = await packed(
    database,
    statements,
    applyId,
    Prisma.raw(`id, position, state, on_failure, released, started_at,
      CASE WHEN state = 'failed' THEN deployment END, CASE WHEN state = 'failed' THEN error END`),
  );
  return rows.map((row) => ({
    id: row[0],
    applyId,
    position: row[1],
    state: row[2],
    onFailure: row[3],
    released: truth(row[4]),
    startedAt: row[5],
    deployment: row[6],
    error: row[7],
  }));
}

/** One of them; null where the apply has none of that id. */
export async function rawOperation(
  statements: Statements,
  key: { readonly id: string; readonly applyId: string },
): Promise<RawOperation | null> {
  return await table<RawOperation>(statements, 'applyOperation').findFirst({ where: key });
}

/** Rows as one value: for each that a driver hands over it takes longer than the database to find it. */
async function packed(
  { isPostgres }: Database,
  statements: Statements,
  applyId: string,
  columns: Prisma.Sql,
): Promise<readonly unknown[][]> {
  const all = isPostgres
    ? Prisma.sql`CAST(json_agg(json_build_array(${columns})) AS TEXT)`
    : Prisma.sql`json_group_array(json_array(${columns}))`;
  const [row] = await statements.rows<{ operations: string | null }>(
    Prisma.sql`SELECT ${all} AS operations FROM apply_operation WHERE apply_id = ${applyId}`,
  );
  return JSON.parse(row!.operations ?? '[]') as unknown[][];
}

function truth(value: unknown): unknown {
  return value === 1 || (value === 0 ? false : value);
}

/** A time of either database; PostgreSQL writes it without a zone. What is none becomes a date that is none. */
function time(value: unknown): unknown {
  if (typeof value !== 'string') return typeof value === 'number' ? new Date(value) : value;
  return new Date(/(Z|[+-]\d\d:\d\d)$/.test(value) ? value : `${value}Z`);
}

function place({ position }: RawOperation): number {
  return typeof position === 'number' ? position : Number.MAX_SAFE_INTEGER;
}
