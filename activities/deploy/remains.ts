import type { RequestRef } from '../../domain/deploy/contract';
import type { ChangePhase } from '../../domain/schema/phases';
import type { Remains } from './activities';
import { proveGone } from './copy';
import type { DeployPorts } from './ports';
import { operationsOf } from './several';
import { plannedOf } from './subject';
import { expected, watched } from './work';

/** Which side of a change is live, as its schema tells. */
export async function remainsOf(ports: DeployPorts, ref: RequestRef): Promise<Remains> {
  const { engine, change } = await plannedOf(ports, ref);
  return sideOf((await expected(async () => await engine.state(change.id)))?.phase);
}

/** The same of a request over several deployments: `new` as soon as it is live on one of them. */
export async function remainsOfAll(ports: DeployPorts, ref: RequestRef): Promise<Remains> {
  const operations = await operationsOf(ports, ref);
  if (operations.some(({ state }) => state === 'completed')) return 'new';
  const all: Remains[] = [];
  for (const own of await failedOf(ports, ref)) all.push(await remainsOf(ports, own));
  return (['new', 'old', 'unapplied'] as const).find((side) => all.includes(side)) ?? 'nothing';
}

/**
 * Removes what is left of the operations that failed, keeping what is live: a deployment whose end itself has failed could
 * not do it.
 */
export async function finishFailed(ports: DeployPorts, ref: RequestRef): Promise<void> {
  for (const own of await failedOf(ports, ref)) {
    const remains = await remainsOf(ports, own);
    if (remains === 'nothing') continue;
    const { engine, change } = await plannedOf(ports, own);
    await watched(ports, own, async (work) =>
      remains === 'unapplied' ? await engine.cancel(change, work) : await engine.finish(change, work),
    );
    await expected(async () => await proveGone(engine, change));
  }
}

/** Whatever did not fail was finished, or taken back, before it could end. */
async function failedOf(ports: DeployPorts, ref: RequestRef): Promise<readonly RequestRef[]> {
  const operations = await operationsOf(ports, ref);
  return operations
    .filter(({ state }) => state === 'failed')
    .map(({ id, epoch }) => ({ ...ref, operation: { id, epoch } }));
}

function sideOf(phase: ChangePhase | undefined): Remains {
  if (phase === undefined) return 'nothing';
  if (phase === 'reverted') return 'old';
  return phase === 'swapped' || phase === 'finishing' ? 'new' : 'unapplied';
}
