import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { network, type Network } from '../../domain/address';
import type { HandshakeRequest } from '../../domain/gateway/agent-protocol';
import { AgentClient, type AgentTarget, type AgentTimes } from '../../drivers/agent/client';
import { writeSecret } from '../../drivers/secrets/files';
import { startAgent, type AgentOptions } from '../../environment/agent/start';
import { freePort } from '../../environment/ports';
import type { Component } from '../../environment/process';

export const networks: readonly Network[] = [network('127.0.0.0/24')];

/** A real agent in a process and a directory of its own. */
export class TestAgent {
  component!: Component;
  private constructor(
    readonly options: AgentOptions,
    readonly target: AgentTarget,
    private readonly directory: string,
  ) {}

  static async start(apiUrl?: string): Promise<TestAgent> {
    const directory = await mkdtemp(join(tmpdir(), 'gatewright-agent-'));
    const secret = randomBytes(24).toString('hex');
    await writeSecret(directory, 'secret', secret);
    const address = `127.0.0.1:${await freePort()}`;
    const options: AgentOptions = {
      replicaId: randomUUID(),
      address,
      secretFile: join(directory, 'secret'),
      stateFile: join(directory, 'state.json'),
      logFile: join(directory, 'agent.log'),
      ...(apiUrl !== undefined && { apiUrl }),
    };
    const agent = new TestAgent(options, { address, secret }, directory);
    await agent.restart();
    return agent;
  }

  async restart(): Promise<void> {
    this.component = await startAgent(this.options);
  }

  /** An allocation of this replica. */
  subject(epoch: number): Omit<HandshakeRequest, 'token'> {
    const organization = randomUUID();
    const hostname = `org-${organization}.example.test`;
    return {
      replica_id: this.options.replicaId,
      allocation_id: randomUUID(),
      organization_id: organization,
      hostname,
      epoch,
    };
  }

  /** A tenant's request, as an edge passes it on. */
  async visit(host: string, path = '/'): Promise<{ status: number; body: unknown }> {
    return await get(this.options.address, path, host);
  }

  async stop(): Promise<void> {
    await this.component.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A GET under any Host header, which fetch does not allow. */
export async function get(address: string, path: string, host: string): Promise<{ status: number; body: unknown }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(`http://${address}${path}`, { headers: { host }, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) as unknown }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

export function testClient(times: AgentTimes = {}): AgentClient {
  return new AgentClient(networks, { requestMs: 200, pollMs: 20, handshakeMs: 600, releaseMs: 400, ...times });
}

/** Something that answers where an agent should; counts the requests that reach it. */
export class Impostor {
  requests = 0;
  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async start(listener: RequestListener): Promise<Impostor> {
    const server = createServer((incoming, response) => {
      impostor.requests++;
      listener(incoming, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const impostor = new Impostor(server, `127.0.0.1:${(server.address() as AddressInfo).port}`);
    return impostor;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
