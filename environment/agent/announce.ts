import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentIdentity } from './control';

/** Milliseconds between two tries, the first and the longest. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 2_000;

/**
 * Tells Gatewright's API that this replica is up, and goes on trying until that is heard.
 * @param servingEpoch told anew at each try.
 * @throws Error when the API says that this is not the replica it claims to be.
 */
export async function announce(
  api: string,
  identity: AgentIdentity,
  address: string,
  servingEpoch: () => number,
): Promise<void> {
  let told = '';
  for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    const body = JSON.stringify({ replica_id: identity.replicaId, address, serving_epoch: servingEpoch() });
    const answer = await post(`${api}/gateway/ready`, identity.secret, body).catch((error: Error) => error.message);
    if (answer === 200) return;
    if (answer === 403)
      throw new Error(`the API refuses replica ${identity.replicaId} (403): its id and secret do not belong together`);
    const problem = `the API does not take the announcement yet: ${answer}`;
    if (problem !== told) console.error((told = problem));
    await sleep(wait);
  }
}

async function post(url: string, secret: string, body: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${secret}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const outgoing = request(url, { method: 'POST', headers, agent: false, timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 5 s')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
