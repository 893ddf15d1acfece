import { Failure } from '../domain/failures';
import type { Database } from './database';
import type { IdempotencyRecordModel } from './generated/sqlite/models';
import type { Idempotency, IdempotencyRecord } from './store';
import { Versioned } from './versioned';

/** Milliseconds that a record without an answer is kept, so that a repeat finds the run it began. */
const UNANSWERED_TTL_MS = 24 * 3_600_000;

/** {@link Idempotency} in the database. */
export class StoredIdempotency implements Idempotency {
  private readonly rows: Versioned<IdempotencyRecordModel, { scope: string; key: string }>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, {
      model: 'idempotencyRecord',
      what: 'idempotency record',
      identity: ['scope', 'key', 'bodyHash', 'subject'],
    });
  }

  async begin(input: Parameters<Idempotency['begin']>[0]): Promise<{ record: IdempotencyRecord; mine: boolean }> {
    const { scope, key, bodyHash, subject, lockMs } = input;
    for (;;) {
      const now = Date.now();
      const lockedUntil = new Date(now + lockMs);
      const values = { bodyHash, subject, lockedUntil, expiresAt: new Date(now + UNANSWERED_TTL_MS) };
      const made = await this.insert(scope, key, values);
      if (made) return { record: recordOf(made), mine: true };
      const present = await this.rows.find({ scope, key });
      if (!present) continue; // pruned just now
      if (present.expiresAt.getTime() > now) return await this.join(present, bodyHash, lockedUntil);
      await this.rows.deleteIf({ scope, key }, { MatchResourceVersion: present.resourceVersion });
    }
  }

  private async insert(
    scope: string,
    key: string,
    values: Partial<IdempotencyRecordModel>,
  ): Promise<IdempotencyRecordModel | null> {
    try {
      return await this.rows.putIf({ scope, key }, 'MustCreate', values);
    } catch (error) {
      if ((error as Failure).data?.['reason'] === 'UniqueViolation') return null;
      throw error;
    }
  }

  /** What a repeat gets: the answer, the lock that was given up or ran out, or a refusal. */
  private async join(
    present: IdempotencyRecordModel,
    bodyHash: string,
    lockedUntil: Date,
  ): Promise<{ record: IdempotencyRecord; mine: boolean }> {
    const { scope, key, resourceVersion } = present;
    if (present.bodyHash !== bodyHash) throw new Failure('IDEMPOTENCY_KEY_REUSED');
    if (present.status !== null) return { record: recordOf(present), mine: false };
    const leftMs = (present.lockedUntil?.getTime() ?? 0) - Date.now();
    if (leftMs > 0) throw inFlight(leftMs);
    try {
      const locked = await this.rows.putIf({ scope, key }, { MatchResourceVersion: resourceVersion }, { lockedUntil });
      return { record: recordOf(locked), mine: true };
    } catch (error) {
      throw (error as Failure).code === 'CONFLICT' ? inFlight(1_000) : error; // another repeat was quicker
    }
  }

  async finish(
    scope: string,
    key: string,
    answer: { status: number; headers: Record<string, string>; body: unknown },
    ttlMs: number,
  ): Promise<void> {
    await this.rows.update({ scope, key }, () => ({
      status: answer.status,
      headers: JSON.stringify(answer.headers),
      body: JSON.stringify(answer.body ?? null),
      lockedUntil: null,
      expiresAt: new Date(Date.now() + ttlMs),
    }));
  }

  async abandon(scope: string, key: string): Promise<void> {
    await this.database.run((client) =>
      client.idempotencyRecord.updateMany({
        where: { scope, key, status: null },
        data: { lockedUntil: null, resourceVersion: { increment: 1 } },
      }),
    );
  }

  async prune(): Promise<number> {
    const expired = { expiresAt: { lt: new Date() } };
    return (await this.database.run((client) => client.idempotencyRecord.deleteMany({ where: expired }))).count;
  }
}

function inFlight(forMs: number): Failure {
  return new Failure('IDEMPOTENCY_KEY_IN_FLIGHT', undefined, { retryAfterMs: Math.min(forMs, 1_000) });
}

function recordOf(row: IdempotencyRecordModel): IdempotencyRecord {
  const { scope, key, bodyHash, subject, status, lockedUntil } = row;
  const headers = row.headers === null ? null : (JSON.parse(row.headers) as Record<string, string>);
  const body: unknown = row.body === null ? null : JSON.parse(row.body);
  return { scope, key, bodyHash, subject, status, headers, body, lockedUntil };
}
