import { Agent } from 'undici';
import { agentPaths } from '../../domain/gateway/agent-protocol';
import { exchange } from '../../drivers/http';
import { Component } from '../process';
import { scriptCommand } from '../script';

/** What an agent of the environment is told. */
export interface AgentOptions {
  readonly replicaId: string;
  /** `ip:port` where it serves. */
  readonly address: string;
  readonly secretFile: string;
  /** Where it remembers its epochs; the same file again makes it go on as before. */
  readonly stateFile: string;
  /** Base URL of the API that it announces itself to; it does not without one. */
  readonly apiUrl?: string;
  readonly logFile: string;
}

/** An agent does little and there are many. */
const nodeOptions = ['--max-semi-space-size=1', '--max-old-space-size=64'];

/**
 * Starts a gateway agent and waits until it serves; it announces itself on its own, which may take until the API is up.
 * @throws ComponentFailed
 */
export async function startAgent(options: AgentOptions): Promise<Component> {
  const { command, args } = scriptCommand('environment/agent/main', nodeOptions);
  const dispatcher = new Agent({ pipelining: 0 });
  try {
    return await Component.start({
      name: `gateway agent ${options.replicaId}`,
      command,
      args: [
        ...args,
        `--replica-id=${options.replicaId}`,
        `--listen=${options.address}`,
        `--secret-file=${options.secretFile}`,
        `--state-file=${options.stateFile}`,
        ...(options.apiUrl === undefined ? [] : [`--api=${options.apiUrl}`]),
      ],
      logFile: options.logFile,
      probe: async () => await probe(options, dispatcher),
    });
  } finally {
    await dispatcher.close();
  }
}

async function probe({ address, replicaId }: AgentOptions, dispatcher: Agent): Promise<void> {
  const url = `http://${address}${agentPaths.health}`;
  const answer = await exchange({ dispatcher, url, method: 'GET', timeoutMs: 1_000, limit: 4096 });
  if (answer.kind !== 'answered') throw new Error(answer.message);
  const { replica_id } = JSON.parse(answer.text) as { replica_id?: unknown };
  if (replica_id !== replicaId) throw new Error(`another program answers at ${address}`);
}
