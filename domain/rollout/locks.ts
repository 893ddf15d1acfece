import { Failure } from '../failures';

/** The hold of one owner on some deployments of a database: nobody else changes their schema meanwhile. */
export interface Lock {
  readonly databaseId: string;
  /** Ids of deployments; none means all of them, those to come included. */
  readonly deployments: readonly string[];
  /** Who has it: an apply, or a person. */
  readonly owner: string;
  readonly acquiredAt: Date;
  /** Who took it from others, and why; null where nobody had it. */
  readonly forced: Forced | null;
}

export interface Forced {
  readonly by: string;
  readonly reason: string;
  /** Whose locks went. */
  readonly from: readonly string[];
}

/** What somebody wants to lock. */
export interface Wanted extends Pick<Lock, 'databaseId' | 'deployments' | 'owner'> {
  readonly at: Date;
  /** Takes it from whoever has it. */
  readonly force?: { readonly by: string; readonly reason: string };
}

/** What becomes of the locks of a database. */
export interface Locking {
  readonly lock: Lock;
  /** Whether the owner had it already; its age is kept. */
  readonly had: boolean;
  /** Locks that go, all of others. */
  readonly lost: readonly Lock[];
}

/** Decides on a lock. @throws Failure LOCK_HELD (data: owner, ageMs), INVALID_INPUT for a force without a name or a reason */
export function lockFor(wanted: Wanted, held: readonly Lock[]): Locking {
  const { databaseId, deployments, owner, at, force } = wanted;
  const others = held.filter((lock) => lock.owner !== owner && overlaps(lock, wanted));
  validate(force);
  if (others.length > 0 && !force) throw heldBy(others[0]!, at);
  const own = held.find((lock) => lock.owner === owner && covers(lock, wanted));
  if (own) return { lock: own, had: true, lost: others };
  const forced = force && others.length > 0 ? { ...force, from: others.map((lock) => lock.owner) } : null;
  const lock = { databaseId, deployments: [...new Set(deployments)].sort(), owner, acquiredAt: at, forced };
  return { lock, had: false, lost: others };
}

/**
 * The locks that are left when an owner gives its own back; giving back what it has not is no failure.
 * @throws Failure LOCK_HELD when somebody else has it, INVALID_INPUT for a force without a reason
 */
export function unlocked(wanted: Wanted, held: readonly Lock[]): readonly Lock[] {
  const { owner, at, force } = wanted;
  validate(force);
  const affected = held.filter((lock) => overlaps(lock, wanted));
  const other = affected.find((lock) => lock.owner !== owner);
  if (other && !force) throw heldBy(other, at);
  return held.filter((lock) => !affected.includes(lock));
}

function validate(force: Wanted['force']): void {
  if (force && !(force.reason.trim() && force.by.trim()))
    throw new Failure('INVALID_INPUT', 'say who takes the lock from its owner, and why');
}

/** Milliseconds since a lock was taken; a clock that went back makes none older than it is. */
export function ageMs({ acquiredAt }: Lock, now: Date): number {
  return Math.max(0, +now - +acquiredAt);
}

function overlaps(one: Pick<Lock, 'databaseId' | 'deployments'>, other: typeof one): boolean {
  if (one.databaseId !== other.databaseId) return false;
  if (one.deployments.length === 0 || other.deployments.length === 0) return true;
  const ids = new Set(one.deployments);
  return other.deployments.some((id) => ids.has(id));
}

function covers(lock: Lock, wanted: Pick<Lock, 'databaseId' | 'deployments'>): boolean {
  if (lock.databaseId !== wanted.databaseId) return false;
  if (lock.deployments.length === 0) return true;
  const ids = new Set(lock.deployments);
  return wanted.deployments.length > 0 && wanted.deployments.every((id) => ids.has(id));
}

function heldBy(lock: Lock, now: Date): Failure {
  const age = ageMs(lock, now);
  const seconds = Math.round(age / 1_000);
  const message = `${lock.owner} has had the lock for ${seconds} s`;
  return new Failure('LOCK_HELD', message, { data: { owner: lock.owner, ageMs: age, allowed: ['force'] } });
}
