import type { Lease, Leases, Store } from '../../prisma/store';
import { failureOf } from './on-both';

interface LeaseGiven {
  readonly holder: string;
  readonly version?: number;
  /** `>= ttl` for one that has expired. */
  readonly age?: string;
}

interface LeaseAction {
  readonly op: string;
  readonly by?: string;
  readonly times?: number;
  readonly guard_version?: number;
}

interface LeaseCase {
  readonly given: readonly LeaseGiven[];
  readonly do: readonly LeaseAction[];
  readonly expected: Readonly<Record<string, unknown>>;
}

const NAME = 'edge/one';
const TTL_MS = 60_000;

/** Runs a row of the level `lease` and compares everything it expects. */
export async function runLeaseCase({ leases }: Store, { given, do: actions, expected }: LeaseCase): Promise<void> {
  if (actions[0]?.op === 'acquire_or_steal') return await acquireOrSteal(leases, expected);
  for (const lease of given) await put(leases, lease);
  const before = await leases.get(NAME);
  const granted: Lease[] = [];
  let error: unknown;
  for (const action of actions)
    for (let time = 0; time < (action.times ?? 1); time++)
      await perform(leases, action, given[0]).then(
        (lease) => lease && granted.push(lease),
        (failure: unknown) => (error = failure),
      );
  if (expected['error'] !== undefined) return expect(reasonOf(error)).toBe(expected['error']);
  expect(error).toBeUndefined();
  const row = await leases.get(NAME);
  if (expected['ok'] !== undefined) expect(granted.length > 0).toBe(expected['ok']);
  if (expected['version'] !== undefined) expect(row!.version).toBe(expected['version']);
  if (expected['holder'] !== undefined) expect(row!.holder).toBe(expected['holder']);
  if (expected['versions'] === undefined) return;
  const versions = [before!.version, ...granted.map(({ version }) => version)];
  expect(versions.slice(1).every((version, index) => version > versions[index]!)).toBe(true);
  expect(row!.version).toBe(versions.at(-1));
  expect(row!.acquiredAt).toEqual(before!.acquiredAt);
}

/** The row that says what becomes of a lease that is not there, of one that expired, and of one that is held. */
async function acquireOrSteal(leases: Leases, expected: Readonly<Record<string, unknown>>): Promise<void> {
  const present: Record<string, () => Promise<unknown>> = {
    none: async () => undefined,
    expired: async () => await leases.tryAcquire('expired', 'A', -1),
    active: async () => await leases.tryAcquire('active', 'A', TTL_MS),
  };
  for (const [name, outcome] of Object.entries(expected)) {
    await present[name]!();
    const taken = leases.acquireOrSteal(name, 'B', TTL_MS);
    if (outcome === 'ok') expect(await taken).toMatchObject({ holder: 'B' });
    else expect(reasonOf(await failureOf(taken))).toBe(outcome);
  }
}

/** Brings a lease to what the case begins with. */
async function put(leases: Leases, { holder, version = 1, age }: LeaseGiven): Promise<void> {
  const ttlMs = age === '>= ttl' ? -1 : TTL_MS;
  let lease = await leases.tryAcquire(NAME, holder, ttlMs);
  while (lease.version < version) lease = await leases.renew(lease, ttlMs);
  expect(lease).toMatchObject({ holder, version });
}

async function perform(
  leases: Leases,
  { op, by, guard_version: guard }: LeaseAction,
  given?: LeaseGiven,
): Promise<Lease | undefined> {
  const holder = by ?? given!.holder;
  if (op === 'try_acquire') return await leases.tryAcquire(NAME, holder, TTL_MS);
  if (op === 'try_steal_expired') return await leases.trySteal(NAME, holder, TTL_MS);
  const present = (await leases.get(NAME))!;
  if (op === 'renew') return await leases.renew({ ...present, holder, version: guard ?? present.version }, TTL_MS);
  if (op !== 'release') throw new Error(`the case does \`${op}\`, which is not known`);
  await leases.release({ ...present, holder });
  return undefined;
}

function reasonOf(error: unknown): string {
  const { code, data } = error as { code: string; data: Record<string, unknown> };
  if (data['reason'] === 'AlreadyHeld') return 'AlreadyHeld';
  return code === 'CONFLICT' ? 'Conflict' : code;
}
