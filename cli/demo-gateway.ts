import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../environment/environment';
import { ComponentFailed } from '../environment/process';

/** A gateway as far as the demo looks at it. */
interface GatewayJson {
  readonly state: string;
  readonly status_message: string | null;
  readonly replicas: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: string;
    readonly status_message: string | null;
    readonly address: string | null;
  }[];
}

/** The states of replicas that organizations have or can be given. */
const inUse = new Set(['free', 'allocated']);
/** Machines are made, reached, configured and checked within this time. */
const RUNNING_MS = 120_000;
const LOOK_MS = 100;

/**
 * Declares the demo's gateway through the API, as `gatewright gateway apply` does, and waits until its replicas are in
 * the pool. Does nothing where the environment has no machines.
 * @throws ComponentFailed saying what became of it.
 */
export async function demoGateway(
  environment: Environment,
  organizationId: string,
  say: (text: string) => void,
): Promise<void> {
  const { settings, description, identities, apiUrl } = environment;
  const [backend] = settings.fleet?.backends ?? [];
  if (!backend) return;
  const { name, replicas } = description.fleet.demo;
  const began = Date.now();
  const url = `${apiUrl}/v1/organizations/${organizationId}/gateways/${name}`;
  const call = async (method: 'GET' | 'PUT', body?: object): Promise<GatewayJson> => {
    const answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${identities.adminToken}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new ComponentFailed(`${method} ${url} answers ${answer.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as GatewayJson;
  };

  const wanted = { type: 'gateway', name, backend: backend.backend, region: backend.regions[0]!, replicas };
  say(`demo: PUT ${url} ${JSON.stringify(wanted)}`);
  let gateway = await call('PUT', wanted);
  while (gateway.state !== 'running') {
    if (gateway.state === 'failed' || Date.now() - began > RUNNING_MS) throw new ComponentFailed(problem(gateway));
    await sleep(LOOK_MS);
    gateway = await call('GET');
  }
  const running = gateway.replicas.filter(({ state }) => state === 'running');
  const what = backend.backend === 'docker' ? 'a container' : 'a local sshd process';
  const list = running.map((replica) => `${replica.name} at ${replica.address ?? '?'}`).join(', ');
  say(`demo: gateway ${name} runs after ${seconds(began)}: ${list}; each is ${what}`);
}

/** The agents of an environment as `--json` lists them: its own processes, then those on the machines of gateways. */
export async function agentsOf(environment: Environment): Promise<{ id: string; address: string }[]> {
  const { apiUrl, identities, agents } = environment;
  const answer = await fetch(`${apiUrl}/gateways/replicas`, {
    headers: { authorization: `Bearer ${identities.adminToken}` },
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new ComponentFailed(`GET /gateways/replicas answers ${answer.status}`);
  const { replicas } = (await answer.json()) as { replicas: { id: string; address: string | null; state: string }[] };
  const own = agents.map(({ id, address }) => ({ id, address }));
  const others = replicas.filter(({ id, state }) => inUse.has(state) && !own.some((agent) => agent.id === id));
  return [...own, ...others.flatMap(({ id, address }) => (address === null ? [] : [{ id, address }]))];
}

function problem({ state, status_message: why, replicas }: GatewayJson): string {
  const lines = replicas.map((each) => `\n  ${each.name}: ${each.state} ${each.status_message ?? ''}`.trimEnd());
  return `the gateway of the demo is ${state}${why === null ? '' : ` (${why})`}${lines.join('')}`;
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
