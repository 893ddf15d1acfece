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
 * So long a gateway of an earlier start may take to come to another replica: machines end with their environment, and
 * whoever was on one is moved.
 */
const MOVED_MS = 60_000;

/** The answer of `POST /gateway/start`. */
interface Started {
  readonly gateway_hostname: string;
  readonly run_id: string;
  readonly allocation_id: string;
}

/**
 * Starts a gateway for the demo organization through the API and proves from outside that it is there: an HTTP request
 * through every edge and a DNS query.
 * @throws ComponentFailed saying what was not as it should be.
 */
export async function demo(environment: Environment, say: (text: string) => void): Promise<void> {
  const began = Date.now();
  const { apiUrl, identities, settings } = environment;
  const headers = { authorization: `Bearer ${identities.adminToken}`, 'content-type': 'application/json' };
  const start = async (): Promise<Started> => {
    const answer = await fetch(`${apiUrl}/gateway/start`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ organization_id: demoOrganization }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    if (answer.status === 200) return JSON.parse(text) as Started;
    throw new ComponentFailed(`POST /gateway/start answers ${answer.status}: ${text.slice(0, 500)}`);
  };
  say(`demo: POST ${apiUrl}/gateway/start {"organization_id":"${demoOrganization}"}`);
  let gateway = await start();
  const hostname = gateway.gateway_hostname;
  const history = await runOf(apiUrl, headers, gateway.run_id);
  const isEarlier = Date.parse(history.started_at) < began;

  for (const edge of settings.edges) {
    const [ip, port] = edge.httpAddress.split(':') as [string, string];
    const look = async (): Promise<string> => {
      const response = await get(ip, Number(port), hostname);
      const tenant = JSON.parse(response) as { allocation_id?: string };
      if (tenant.allocation_id !== gateway.allocation_id) throw new Error(`it answered ${response.slice(0, 200)}`);
      return response;
    };
    const again = async (): Promise<string> =>
      await look().catch(async () => ((gateway = await start()), await look()));
    const otherwise = `${edge.name} does not serve ${hostname}`;
    const body = isEarlier ? await proven(otherwise, again, MOVED_MS) : await proven(otherwise, look);
    say(`demo: GET http://${edge.httpAddress}/ (Host: ${hostname}): ${body.trim()}`);
  }
  const addresses = await proven(`DNS does not have ${hostname}`, async () => {
    const found = await resolveA(settings.zone.dnsAddress, hostname);
    if (!found.includes(settings.edgeIp)) throw new Error(`it says ${found.join(', ') || 'nothing'}`);
    return found;
  });
  say(`demo: A ${hostname} @${settings.zone.dnsAddress}: ${addresses.join(', ')}`);

  const stderr = { colours: false, columns: process.stderr.columns, now: () => new Date() };
  const earlier = isEarlier ? ' (an earlier start; the organization has its gateway since)' : '';
  say(`demo: the run ${history.id}${earlier}\n${timeline(stderr, history).trimEnd()}`);
}

async function runOf(apiUrl: string, headers: Record<string, string>, id: string): Promise<RunDetailJson> {
  const run = await fetch(`${apiUrl}/runs/${id}`, { headers, signal: AbortSignal.timeout(10_000) });
  if (run.status !== 200) throw new ComponentFailed(`GET /runs/${id} answers ${run.status}`);
  return (await run.json()) as RunDetailJson;
}

async function proven<T>(otherwise: string, look: () => Promise<T>, withinMs = PROOF_MS): Promise<T> {
  const deadline = Date.now() + withinMs;
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
