import type { ChangePhase } from '../../../domain/schema/phases';
import type { Proof, Work } from '../engine';
import type { Drainer } from './drain';
import type { Governor } from '../governor';
import type { Point } from './points';
import { Prover, type Compared } from './proof';
import type { Key } from './ranges';
import type { Session } from './session';
import type { Route, ShadowTables } from './shadows';
import { shadowTable, type Fence } from './state';

/** What a proof works with. */
export interface ProofTools {
  readonly session: Session;
  readonly fence: Fence;
  readonly phase: ChangePhase;
  readonly shadows: readonly ShadowTables[];
  readonly routes: readonly Route[];
  readonly drainers: readonly Drainer[];
  readonly governor: Governor;
  readonly point: Point;
}

/** Differing rows that are told, the first by key. */
const MOST_TOLD = 100;

/** How long the ranges that a process compared before it went are taken for compared. */
const REMEMBERED = "interval '15 minutes'";

/** How far the proof of one table is, kept with each range. */
interface Checkpoint {
  /** The phase in which it began: with another one begins another proof. */
  readonly phase: ChangePhase;
  readonly end: Key | null;
  readonly done: boolean;
  readonly rows: number;
  readonly differing: number;
  readonly keys: readonly Readonly<Record<string, string>>[];
}

/** Compares all rows of all shadows, from wherever somebody left off who went before he was done. */
export async function proveAll(tools: ProofTools, { signal }: Work): Promise<Proof> {
  const { session, fence, phase, shadows, governor, point } = tools;
  const table = shadowTable(fence.changeId);
  const reached = await reachedBefore(tools);
  for (const [i, { n }] of shadows.entries()) {
    const prover = new Prover(session, tools.routes[i]!, tools.drainers[i]!);
    while (!reached[i]!.done) {
      signal.throwIfAborted();
      const began = performance.now();
      await point('prove.range');
      await prover.step(reached[i]!.end, async (found) => {
        const next = onwards(reached[i]!, found, phase);
        await session.execute(`UPDATE ${table} SET proof = $1, proof_at = clock_timestamp() WHERE n = ${n}`, [
          JSON.stringify(next),
        ]);
        return () => (reached[i] = next);
      });
      await point('prove.ranged');
      await governor.restCopying(performance.now() - began);
    }
  }
  await fence.transaction('READ COMMITTED', async () => {
    await session.execute(`UPDATE ${table} SET proof = NULL`);
  });
  const sum = (of: (one: Checkpoint) => number): number => reached.reduce((all, one) => all + of(one), 0);
  return {
    rowsCompared: sum(({ rows }) => rows),
    differing: shadows
      .flatMap((shadow, i) => reached[i]!.keys.map((key) => ({ table: shadow.table, key })))
      .slice(0, MOST_TOLD),
    differingCount: sum(({ differing }) => differing),
  };
}

function onwards(before: Checkpoint, { rows, differing, keys, end }: Compared, phase: ChangePhase): Checkpoint {
  return {
    ...{ phase, end, done: end === null },
    rows: before.rows + rows,
    differing: before.differing + differing,
    keys: [...before.keys, ...keys].slice(0, MOST_TOLD),
  };
}

async function reachedBefore({ session, fence, phase, shadows }: ProofTools): Promise<Checkpoint[]> {
  const rows = await session.query(
    `SELECT n, proof FROM ${shadowTable(fence.changeId)} WHERE proof_at > clock_timestamp() - ${REMEMBERED} ORDER BY n`,
  );
  const nothing: Checkpoint = { phase, end: null, done: false, rows: 0, differing: 0, keys: [] };
  return shadows.map(({ n }) => {
    const kept = rows.find((row) => Number(row.n) === n)?.proof as Checkpoint | null | undefined;
    return kept?.phase === phase ? kept : nothing;
  });
}
