import type { ApplyEvent } from '../domain/rollout/apply';
import { plainText } from '../domain/plain-text';
import { applyEventOf } from './apply-rows';
import { Counter, raise } from './counters';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { ApplyEventModel } from './generated/sqlite/models';
import type { Statements } from './statements';

/** An event before it has its place. */
export type NewApplyEvent = Pick<ApplyEvent, 'operationId' | 'version' | 'from' | 'to' | 'text'>;

/** What all events of one transaction have in common. */
interface EventsOf {
  readonly organizationId: string;
  readonly databaseId: string;
  readonly applyId: string;
  readonly at: Date;
}

/** How many events one statement takes: each has ten parameters, and SQLite has room for 32,766 of them. */
const LIMIT = 500;

/**
 * Writes events in a transaction, as its last statements: the counter that puts all events in commit order is locked
 * until it ends.
 */
export async function recordApplyEvents(
  statements: Statements,
  { organizationId, databaseId, applyId, at }: EventsOf,
  events: readonly NewApplyEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const first = (await raise(statements, Counter.applyEvents, events.length)) - events.length + 1;
  for (let start = 0; start < events.length; start += LIMIT) {
    const rows = events.slice(start, start + LIMIT).map(({ operationId, version, from, to, text }, index) => {
      const seq = first + start + index;
      // It may hold what a server said.
      return Prisma.sql`(${seq}, ${organizationId}, ${databaseId}, ${applyId}, ${operationId}, ${version}, ${from}, ${to}, ${at}, ${plainText(text)})`;
    });
    await statements.change(Prisma.sql`
      INSERT INTO apply_event (seq, organization_id, database_id, apply_id, operation_id, version, from_state, to_state, at, text)
      VALUES ${Prisma.join(rows)}`);
  }
}

/** The events after one, oldest first; of one apply, or of all of an organization. */
export async function applyEventsAfter(
  database: Database,
  { organizationId, applyId }: { readonly organizationId: string; readonly applyId?: string },
  after: number,
  limit: number,
): Promise<ApplyEvent[]> {
  const of = applyId === undefined ? Prisma.empty : Prisma.sql`AND apply_id = ${applyId}`;
  const rows = await database.direct((statements) =>
    statements.rows<ApplyEventModel>(Prisma.sql`
      SELECT * FROM apply_event WHERE seq > ${after} AND organization_id = ${organizationId} ${of}
      ORDER BY seq LIMIT ${limit}`),
  );
  return rows.map(applyEventOf);
}
