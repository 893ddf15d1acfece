import type { Proof, Work } from '../engine';
import type { Governor } from '../governor';
import type { Route } from './batch';
import { exactCollations } from './exact-collations';
import type { HelperNames } from './names';
import type { Point } from './points';
import { Prover, PROVERS } from './proof';
import type { Session } from './session';

/** Compares the sides of every table of a change, and goes on where a process that ended was. */
export async function proveAll(
  session: Session,
  open: () => Promise<Session>,
  tables: readonly { readonly names: HelperNames; readonly route: Route }[],
  point: Point,
  governor: Governor,
  work: Work,
): Promise<Proof> {
  const others: Session[] = [];
  try {
    while (others.length < PROVERS - 1) others.push(await open());
    const exact = await exactCollations(session);
    const provers = tables.map(
      ({ names, route }) => new Prover([session, ...others], route, names.cursor, names.table, exact, point),
    );
    const proofs: Proof[] = [];
    for (const prover of provers)
      proofs.push(
        await prover.run(work.signal, async (workedMs) => {
          governor.check();
          await governor.restCopying(workedMs);
        }),
      );
    for (const prover of provers) await prover.end();
    return {
      rowsCompared: proofs.reduce((sum, proof) => sum + proof.rowsCompared, 0),
      differing: proofs.flatMap((proof) => proof.differing).slice(0, 100),
      differingCount: proofs.reduce((sum, proof) => sum + proof.differingCount, 0),
    };
  } finally {
    for (const other of others) other.destroy();
  }
}
