import type { Proof, Work } from '../engine';
import type { Drainer } from './drain';
import type { Governor } from './governor';
import type { Point } from './points';
import { Prover } from './proof';
import type { Session } from './session';
import type { Route, ShadowTables } from './shadows';

/** What a proof works with. */
export interface ProofTools {
  readonly session: Session;
  readonly shadows: readonly ShadowTables[];
  readonly routes: readonly Route[];
  readonly drainers: readonly Drainer[];
  readonly governor: Governor;
  readonly point: Point;
}

/** Differing rows that are told, the first by key. */
const MOST_TOLD = 100;

/** Compares all rows of all shadows. */
export async function proveAll(
  { session, shadows, routes, drainers, governor, point }: ProofTools,
  { signal }: Work,
): Promise<Proof> {
  const differing: { table: string; key: Readonly<Record<string, string>> }[] = [];
  let [rowsCompared, differingCount] = [0, 0];
  for (const [i, { table }] of shadows.entries()) {
    const prover = new Prover(session, routes[i]!, drainers[i]!);
    let from: readonly string[] | null = null;
    do {
      signal.throwIfAborted();
      const began = performance.now();
      await point('prove.range');
      const found = await prover.step(from);
      rowsCompared += found.rows;
      differingCount += found.differing;
      differing.push(...found.keys.map((key) => ({ table, key })));
      from = found.end;
      await governor.restCopying(performance.now() - began);
    } while (from !== null);
  }
  return { rowsCompared, differing: differing.slice(0, MOST_TOLD), differingCount };
}
