import { setTimeout as sleep } from 'node:timers/promises';
import { agentPaths, type AgentHealth } from '../domain/gateway/agent-protocol';
import type { Environment } from '../environment/environment';
import { ComponentFailed } from '../environment/process';

/** A gateway as far as the demo looks at it. */
interface GatewayJson {
  readonly name: string;
  readonly desired_replicas: number;
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
 * Declares the demo's gateway through the API, as `gatewright apply` does, and waits until its replicas run, unless it is
 * that of an earlier start. Does nothing where the environment has no machines.
 * @throws ComponentFailed saying what became of it.
 */
export async function demoGateway(
  environment: Environment,
  organizationId: string,
  say: (text: string) => void,
): Promise<void> {
  const [backend] = environment.settings.fleet?.backends ?? [];
  if (!backend) return;
  const { name, replicas } = environment.description.fleet.demo;
  const wanted = { type: 'gateway', name, backend: backend.backend, region: backend.regions[0]!, replicas };
  const url = gatewayUrl(environment, organizationId);
  say(`demo: PUT ${url} ${JSON.stringify(wanted)}`);
  const began = Date.now();
  const before = await call(environment, url, wanted);
  if (before.state === 'running') {
    say(`demo: gateway ${name} is there since an earlier start; a machine that ended with that is replaced`);
    return;
  }
  await until(environment, url, ({ state }) => Promise.resolve(state === 'running'));
  say(`demo: gateway ${name} runs after ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/**
 * Waits until every replica that the demo's gateway wants is in the pool and answers at its own address.
 * @throws ComponentFailed saying what became of it.
 */
export async function demoReplicas(
  environment: Environment,
  organizationId: string,
  say: (text: string) => void,
): Promise<void> {
  const [backend] = environment.settings.fleet?.backends ?? [];
  if (!backend) return;
  const gateway = await until(environment, gatewayUrl(environment, organizationId), allAnswer);
  const what = backend.backend === 'docker' ? 'a container' : 'a local sshd process';
  const list = gateway.replicas.map((replica) => `${replica.name} at ${replica.address ?? '?'}`).join(', ');
  say(`demo: gateway ${gateway.name} has ${list}; each is ${what}`);
}

function gatewayUrl({ apiUrl, description }: Environment, organizationId: string): string {
  return `${apiUrl}/v1/organizations/${organizationId}/gateways/${description.fleet.demo.name}`;
}

/** Reads the gateway, or writes it where it is told what is wanted. */
async function call({ identities }: Environment, url: string, wanted?: object): Promise<GatewayJson> {
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${identities.adminToken}`, 'content-type': 'application/json' },
    ...(wanted && { method: 'PUT', body: JSON.stringify(wanted) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new ComponentFailed(`${url} answers ${answer.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as GatewayJson;
}

async function until(
  environment: Environment,
  url: string,
  holds: (gateway: GatewayJson) => Promise<boolean>,
): Promise<GatewayJson> {
  const deadline = Date.now() + RUNNING_MS;
  for (;;) {
    const gateway = await call(environment, url);
    if (await holds(gateway)) return gateway;
    if (gateway.state === 'failed' || Date.now() > deadline) throw new ComponentFailed(problem(gateway));
    await sleep(LOOK_MS);
  }
}

async function allAnswer({ state, desired_replicas: wanted, replicas }: GatewayJson): Promise<boolean> {
  const running = replicas.filter((replica) => replica.state === 'running').length;
  if (state !== 'running' || running !== wanted || replicas.length !== wanted) return false;
  const answers = await Promise.all(
    replicas.map(async ({ id, address }) => {
      const answer = await fetch(`http://${address}${agentPaths.health}`, { signal: AbortSignal.timeout(1_000) });
      return ((await answer.json()) as AgentHealth).replica_id === id;
    }),
  ).catch(() => [false]);
  return answers.every(Boolean);
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
