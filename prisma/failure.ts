import { Failure, isFailure } from '../domain/failures';

/** Kinds of Prisma's driver adapters that mean: the database is away, or too busy to answer. */
const UNAVAILABLE = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
  'DatabaseDoesNotExist',
  'DatabaseAccessDenied',
  'AuthenticationFailed',
]);

/** Prisma's own codes for the same: not reached, timed out, closed, no connection or transaction to be had. */
const UNAVAILABLE_CODES = new Set(['P1000', 'P1001', 'P1002', 'P1003', 'P1008', 'P1011', 'P1017', 'P2024', 'P2028']);

/** SQLite's primary result codes for a file that cannot be used: perm, busy, locked, read-only, I/O, corrupt, full, cannot open, not a database. */
const SQLITE_UNAVAILABLE = new Set([3, 5, 6, 8, 10, 11, 13, 14, 26]);

/** The same by name, as libsql reports them where Prisma does not come between. */
const SQLITE_NAMES = /^SQLITE_(PERM|BUSY|LOCKED|READONLY|IOERR|CORRUPT|FULL|CANTOPEN|NOTADB)/;

/** What `pg` and libsql say, without a code, of a connection that broke or was closed. */
const BROKEN =
  /connection terminated|connection error|ConnectionFailed|ECONNREFUSED|ECONNRESET|EPIPE|timeout exceeded when trying to connect|is closed|was closed/i;

/** What a driver said, wherever Prisma put it. */
export interface DriverCause {
  readonly kind?: string;
  readonly originalCode?: string;
  readonly originalMessage?: string;
  readonly message?: string;
  readonly code?: string;
  readonly extendedCode?: number;
}

/** The driver's own error below one of Prisma's; undefined when there is none. */
export function driverCause(error: unknown): DriverCause | undefined {
  const { cause, meta } = (error ?? {}) as {
    cause?: DriverCause;
    meta?: { driverAdapterError?: { cause?: DriverCause } };
  };
  return meta?.driverAdapterError?.cause ?? (cause?.kind === undefined ? undefined : cause);
}

/** Whether a write broke a unique index. */
export function isUniqueViolation(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'P2002' || driverCause(error)?.kind === 'UniqueConstraintViolation';
}

/** Whether PostgreSQL ended a transaction so that another could go on; the same transaction again can succeed. */
export function isWriteConflict(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'P2034' || driverCause(error)?.kind === 'TransactionWriteConflict';
}

/**
 * What the rest of Gatewright sees of a database error. Whatever is neither the database's state nor a race is a bug,
 * and is returned as it is. The driver's message may name hosts and users and stays in `cause`.
 */
export function storeFailure(error: unknown): unknown {
  if (isFailure(error)) return error;
  if (isUniqueViolation(error))
    return new Failure('CONFLICT', 'something of that name or id is there already', {
      data: { reason: 'UniqueViolation' },
      cause: error,
    });
  if (isWriteConflict(error))
    return new Failure('CONFLICT', undefined, { data: { reason: 'WriteConflict' }, cause: error });
  if (isOldSchema(error)) return new Failure('STORE_MIGRATION', undefined, { cause: error });
  return isUnavailable(error) ? new Failure('STORE_UNAVAILABLE', undefined, { cause: error }) : error;
}

function isOldSchema(error: unknown): boolean {
  const { kind, message = '' } = driverCause(error) ?? {};
  if (kind === 'sqlite') return /no such (table|column)|has no column/.test(message);
  return kind === 'TableDoesNotExist' || kind === 'ColumnNotFound';
}

function isUnavailable(error: unknown): boolean {
  const cause = driverCause(error);
  if (cause?.kind !== undefined && UNAVAILABLE.has(cause.kind)) return true;
  if (cause?.kind === 'sqlite') return SQLITE_UNAVAILABLE.has((cause.extendedCode ?? 0) & 0xff);
  // SQLSTATE classes: connection exception, insufficient resources, operator intervention, system error.
  if (cause?.kind === 'postgres') return /^(08|53|57|58)/.test(cause.code ?? '');
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && (UNAVAILABLE_CODES.has(code) || SQLITE_NAMES.test(code))) return true;
  return typeof message === 'string' && BROKEN.test(message);
}
