import { Wanted, type ApplyOperation } from './apply';
import { readOperation } from './operation';
import { FailurePolicy } from './policy';

/** What a row of an operation should hold; any of it may be anything. */
type RawRow = Readonly<Partial<Record<keyof ApplyOperation, unknown>>>;

const workers: ReadonlySet<unknown> = new Set<ApplyOperation['worker']>(['none', 'claimed', 'alive', 'lost']);
const wants: ReadonlySet<unknown> = new Set(Object.values(Wanted));
const policies: ReadonlySet<unknown> = new Set(Object.values(FailurePolicy));

/**
 * An operation from its row, whatever that holds. @returns what is wrong with it, as a sentence, where it cannot be read
 */
export function readApplyOperation(row: unknown, applyId: string): ApplyOperation | string {
  const read = readOperation(row, applyId);
  if (typeof read === 'string') return read;
  const raw = row as RawRow;
  const { worker, wanted, onFailure, epoch } = raw;
  if (typeof epoch !== 'number' || !Number.isInteger(epoch) || epoch < 0) return 'its epoch is not a number';
  if (!workers.has(worker)) return 'nobody can say whether it is worked on';
  if (wanted !== null && !wants.has(wanted)) return 'it was told something that nobody knows';
  const { startedAt, cutOverAt, completedAt, firstFailedAt } = raw;
  for (const time of [startedAt, cutOverAt, completedAt, firstFailedAt])
    if (time !== null && !isTime(time)) return 'one of its times is none';
  // One literal: there may be very many, and what is put together in parts is read ten times slower.
  return {
    id: read.id,
    applyId,
    deploymentId: text(raw.deploymentId),
    deployment: read.deployment,
    environment: text(raw.environment),
    server: text(raw.server),
    schema: text(raw.schema),
    position: read.position,
    state: read.state,
    onFailure: policies.has(onFailure) ? (onFailure as FailurePolicy) : 'halt',
    released: read.released,
    epoch,
    worker: worker as ApplyOperation['worker'],
    wanted: wanted as Wanted | null,
    attempts: typeof raw.attempts === 'number' ? raw.attempts : 0,
    firstFailedAt: firstFailedAt as Date | null,
    error: read.error,
    errorCode: textOrNull(raw.errorCode),
    waits: textOrNull(raw.waits),
    startedAt: startedAt as Date | null,
    cutOverAt: cutOverAt as Date | null,
    completedAt: completedAt as Date | null,
    createdAt: isTime(raw.createdAt) ? raw.createdAt : new Date(0),
    updatedAt: isTime(raw.updatedAt) ? raw.updatedAt : new Date(0),
    resourceVersion: typeof raw.resourceVersion === 'number' ? raw.resourceVersion : 1,
  };
}

function isTime(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(+value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
