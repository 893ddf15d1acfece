import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveA } from '../drivers/dns/resolve';
import type { Environment } from '../environment/environment';
import { ComponentFailed } from '../environment/process';
import { timeline } from './run-text';
import type { RunDetailJson } from './shapes';

/** The organization of the demo: always the same, so that the next `up` finds the gateway of the one before. */
export const demoOrganization = '00000000-0000-4000-8000-00000000d330';

/** What is asked from outside must be right within this time: the run has ended before. */
const PROOF_MS = 5_000;

/**
 * Starts a gateway for the demo organization through the API and proves from outside that it is there: an HTTP request
 * through every edge and a DNS query.
 * @throws ComponentFailed saying what was not as it should be.
 */
export async function demo(environment: Environment, say: (text: string) => void): Promise<void> {
  const began = Date.now();
  const { apiUrl, identities, settings } = environment;
  const headers = { authorization: `Bearer ${identities.adminToken}`, 'content-type': 'application/json' };
  say(`demo: POST ${apiUrl}/gateway/start {"organization_id":"${demoOrganization}"}`);
  const answer = await fetch(`${apiUrl}/gateway/start`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ organization_id: demoOrganization }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await answer.text();
  if (answer.status !== 200)
    throw new ComponentFailed(`POST /gateway/start answers ${answer.status}: ${text.slice(0, 500)}`);
  const gateway = JSON.parse(text) as { gateway_hostname: string; run_id: string; allocation_id: string };
  const hostname = gateway.gateway_hostname;

  for (const edge of settings.edges) {
    const [ip, port] = edge.httpAddress.split(':') as [string, string];
    const body = await proven(`${edge.name} does not serve ${hostname}`, async () => {
      const response = await get(ip, Number(port), hostname);
      const tenant = JSON.parse(response) as { allocation_id?: string };
      if (tenant.allocation_id !== gateway.allocation_id) throw new Error(`it answered ${response.slice(0, 200)}`);
      return response;
    });
    say(`demo: GET http://${edge.httpAddress}/ (Host: ${hostname}): ${body.trim()}`);
  }
  const addresses = await proven(`DNS does not have ${hostname}`, async () => {
    const found = await resolveA(settings.zone.dnsAddress, hostname);
    if (!found.includes(settings.edgeIp)) throw new Error(`it says ${found.join(', ') || 'nothing'}`);
    return found;
  });
  say(`demo: A ${hostname} @${settings.zone.dnsAddress}: ${addresses.join(', ')}`);

  const run = await fetch(`${apiUrl}/runs/${gateway.run_id}`, { headers, signal: AbortSignal.timeout(10_000) });
  if (run.status !== 200) throw new ComponentFailed(`GET /runs/${gateway.run_id} answers ${run.status}`);
  const history = (await run.json()) as RunDetailJson;
  const stderr = { colours: false, columns: process.stderr.columns, now: () => new Date() };
  const earlier = Date.parse(history.started_at) < began ? ' (an earlier start; the gateway is there since)' : '';
  say(`demo: the run ${gateway.run_id}${earlier}\n${timeline(stderr, history).trimEnd()}`);
}

async function proven<T>(otherwise: string, look: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PROOF_MS;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > deadline) throw new ComponentFailed(`${otherwise}: ${(error as Error).message}`);
      await sleep(50);
    }
  }
}

async function get(ip: string, port: number, host: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const outgoing = request({ host: ip, port, headers: { host }, agent: false, timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`it answered ${response.statusCode}`)),
      );
      response.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 2 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
