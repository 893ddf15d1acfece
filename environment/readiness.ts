import { setTimeout as sleep } from 'node:timers/promises';
import type { Identities } from './identities';
import { ComponentFailed } from './process';

const READY_MS = 30_000;

/**
 * Waits until the API says that everything a start needs answers.
 * @throws ComponentFailed with what it says is missing.
 */
export async function untilReady(apiUrl: string): Promise<void> {
  await until(async () => {
    const answer = await fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const text = await answer.text();
    return answer.ok ? undefined : `the API is not ready: ${text.slice(0, 300)}`;
  });
}

/**
 * Waits until every agent of the environment has announced itself.
 * @throws ComponentFailed naming those that have not.
 */
export async function untilAgentsAnnounced(apiUrl: string, { adminToken, replicas }: Identities): Promise<void> {
  await until(async () => {
    const headers = { authorization: `Bearer ${adminToken}` };
    const answer = await fetch(`${apiUrl}/gateways/replicas`, { headers, signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) return `the API answers ${answer.status} when asked for the pool`;
    const { replicas: pool } = (await answer.json()) as { replicas: { id: string; state: string }[] };
    const absent = replicas.filter(({ id }) => (pool.find((replica) => replica.id === id)?.state ?? 'new') === 'new');
    return absent.length === 0 ? undefined : `not announced: ${absent.map(({ name }) => name).join(', ')}`;
  });
}

async function until(problem: () => Promise<string | undefined>): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const present = await problem().catch((error: Error) => error.message);
    if (present === undefined) return;
    if (Date.now() > deadline) throw new ComponentFailed(present);
    await sleep(50);
  }
}
