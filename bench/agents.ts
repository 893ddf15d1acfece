import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { agentPaths } from '../domain/gateway/agent-protocol';
import { agentServer } from '../environment/agent/server';
import { EpochState } from '../environment/agent/state';

/*
 * Many gateway agents in one process: the environment's own agent server for each replica, on ports of the system's
 * choosing. Told over IPC to refuse handshakes.
 */

/** What the process is told first: its replicas. */
export interface Fleet {
  readonly ip: string;
  readonly replicas: readonly { readonly id: string; readonly secretFile: string; readonly stateFile: string }[];
}

/** What it is told later. */
export interface Behaviour {
  readonly refuse: boolean;
}

let refuse = false;

process.once('message', (fleet: Fleet) => {
  void serveAll(fleet).then((addresses) => process.send!(addresses));
  process.on('message', (behaviour: Behaviour) => {
    ({ refuse } = behaviour);
    process.send!('heard');
  });
});
process.on('disconnect', () => process.exit(0));

async function serveAll({ ip, replicas }: Fleet): Promise<string[]> {
  return await Promise.all(
    replicas.map(async ({ id, secretFile, stateFile }) => {
      const identity = { replicaId: id, secret: readFileSync(secretFile, 'utf8').trim() };
      const server = refusing(agentServer(identity, new EpochState(stateFile)));
      await new Promise<void>((resolve) => server.listen(0, ip, resolve));
      return `${ip}:${(server.address() as AddressInfo).port}`;
    }),
  );
}

/** The same server, except that it answers handshakes with 409 while it is told to. */
function refusing(agent: Server): Server {
  const [answer] = agent.listeners('request') as RequestListener[];
  return createServer((request, response) => {
    if (!refuse || request.url !== agentPaths.handshake) return answer!(request, response);
    request.resume();
    response.writeHead(409, { 'content-type': 'application/json' }).end('{"error":"refused"}');
  });
}
