import type { Database } from '../../prisma/database';
import type { Condition } from '../../prisma/store';
import { failureOf } from './on-both';
import { sandbox, type SandboxRow } from './sandbox';

/** One thing that a row of the level `store` or `text` does. */
export interface StoreAction {
  readonly op: string;
  readonly id?: string;
  readonly name?: string;
  readonly scope?: string;
  readonly payload?: string;
  readonly condition?: Condition;
  readonly expected?: number;
  readonly attempts?: number;
  readonly conflicts_forced?: number;
}

interface StoreCase {
  readonly given: readonly SandboxRow[];
  readonly do: readonly StoreAction[];
  readonly expected: Readonly<Record<string, unknown>>;
}

/** What an action came to: a version, an answer, or an error as the cases write it. */
type Outcome = {
  readonly version?: number;
  readonly answer?: unknown;
  readonly error?: unknown;
  readonly calls?: number;
};

/** Runs a row of the level `store` and compares everything it expects. */
export async function runStoreCase(database: Database, { given, do: actions, expected }: StoreCase): Promise<void> {
  const table = sandbox(database);
  for (const row of given) await table.given(row);
  const id = given[0]?.id ?? 'id-1';
  const outcomes: Outcome[] = [];
  for (const action of actions) outcomes.push(await perform(table, id, action));
  for (const [what, value] of Object.entries(expected)) {
    if (what === 'error') expect(outcomes.at(-1)!.error).toEqual(value);
    else if (what === 'result') expect(plain(outcomes.at(-1)!)).toEqual(value);
    else if (what === 'results') expect(outcomes.map(({ version }) => version)).toEqual(value);
    else if (what === 'row' && value === null) expect(await table.row(id)).toBeNull();
    else if (what === 'row') expect(await table.row(id)).toMatchObject(value as object);
    else if (what === 'list_scope')
      for (const [scope, count] of Object.entries(value as Record<string, number>))
        expect(await table.count(scope)).toBe(count);
    else throw new Error(`the case expects \`${what}\`, which is not known`);
  }
}

/** Runs the row about server-side retries: each action forces conflicts, and says how often its change was computed. */
export async function runRetryCase(database: Database, { given, do: actions, expected }: StoreCase): Promise<void> {
  const table = sandbox(database);
  for (const row of given) await table.given(row);
  const { id } = given[0]!;
  const outcomes: Outcome[] = [];
  for (const action of actions) outcomes.push(await perform(table, id, action));
  const [first, second] = outcomes;
  expect(String(expected['first'])).toMatch(/^ok after 5 attempts/);
  expect(first).toMatchObject({ calls: 5 });
  expect(first!.error).toBeUndefined();
  expect(second).toMatchObject({
    error: { Conflict: {} },
    calls: (expected['second'] as { attempts: number }).attempts,
  });
}

function plain({ version, answer }: Outcome): unknown {
  return version === undefined ? answer : { resource_version: version };
}

async function perform(table: ReturnType<typeof sandbox>, id: string, action: StoreAction): Promise<Outcome> {
  const { rows, values } = table;
  const payload = action.payload ?? '';
  switch (action.op) {
    case 'create_scoped': {
      const created = rows.putIf({ id: action.id! }, 'MustCreate', values(payload, action.name, action.scope));
      return await outcome(created.then(({ resourceVersion: version }) => ({ version })));
    }
    case 'put_if': {
      const value = action.condition === 'MustCreate' ? values(payload) : { address: payload };
      return await outcome(
        rows.putIf({ id }, action.condition!, value).then(({ resourceVersion: version }) => ({ version })),
      );
    }
    case 'delete_if':
      return await outcome(
        rows.deleteIf({ id }, { MatchResourceVersion: action.expected! }).then((answer) => ({ answer })),
      );
    case 'update_with_retry': {
      const versions: number[] = [];
      const updated = rows.update({ id }, async (row) => {
        versions.push(row.resourceVersion);
        if (versions.length <= action.conflicts_forced!)
          await rows.putIf({ id }, 'Unconditional', { address: 'another' });
        return { address: `mine on ${row.resourceVersion}` };
      });
      const result = await outcome(updated.then(({ resourceVersion: version }) => ({ version })));
      expect(new Set(versions).size).toBe(versions.length); // every attempt saw a fresh value
      return { ...result, calls: versions.length };
    }
    default:
      throw new Error(`the case does \`${action.op}\`, which is not known`);
  }
}

async function outcome(action: Promise<Outcome>): Promise<Outcome> {
  let reached: Outcome | undefined;
  const settled = action.then((value) => (reached = value));
  await settled.catch(() => undefined);
  return reached ?? { error: named(await failureOf(action)) };
}

function named({ code, data }: { code: string; data: Record<string, unknown> }): unknown {
  if (data['reason'] === 'UniqueViolation') return 'UniqueViolation';
  return code === 'CONFLICT' ? { Conflict: { current_resource_version: data['currentVersion'] } } : code;
}
