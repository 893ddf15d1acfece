import { Prisma } from './generated/sqlite/client';
import type { Statements } from './statements';

/** The numbers that only rise. */
export const Counter = {
  /** The revision of the latest change of any route. */
  routeRevision: 'routes.revision',
  /** The seq up to which no attempt is open. */
  attemptsClosed: 'journal.attempts-closed',
  /** The seq up to which deliveries of webhooks were planned. */
  webhooksPlanned: 'webhooks.planned',
  /** The seq of the latest event of any gateway. */
  fleetEvents: 'fleet.events',
  /** The seq of the latest event of any database that a webhook is told of. */
  databaseEvents: 'database.events',
  /** The seq of the latest event of any apply. */
  applyEvents: 'applies.events',
} as const;
export type Counter = (typeof Counter)[keyof typeof Counter];

/** The present value, 0 before the first. */
export async function valueOf(statements: Statements, name: Counter): Promise<number> {
  const [row] = await statements.rows<{ value: bigint }>(Prisma.sql`SELECT value FROM counter WHERE name = ${name}`);
  return Number(row?.value ?? 0n);
}

/**
 * Raises a counter in a transaction and returns its new value. Whoever raises it next waits until this transaction
 * ends, so the values are in commit order. By 0 it only takes the lock.
 */
export async function raise(statements: Statements, name: Counter, by: number): Promise<number> {
  const [row] = await statements.rows<{ value: bigint }>(Prisma.sql`
    INSERT INTO counter (name, value) VALUES (${name}, ${by})
    ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value RETURNING value`);
  return Number(row!.value);
}
