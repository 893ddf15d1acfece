import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { TenantAnswer } from '../../domain/gateway/agent-protocol';
import { control, type AgentIdentity } from './control';
import type { EpochState, Serving } from './state';

/** Close code of a WebSocket whose allocation ended: the server is going away (RFC 6455). */
const GOING_AWAY = 1001;
/** Bytes of one WebSocket message. */
const MAX_MESSAGE = 1024 * 1024;

/**
 * The HTTP server of an agent: the agent protocol, and for every other path and for WebSockets the organization's
 * traffic, which it answers only under the host name of the allocation that it serves.
 */
export function agentServer(identity: AgentIdentity, state: EpochState): Server {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE });
  state.onChange = () => {
    for (const socket of sockets.clients) socket.close(GOING_AWAY);
  };
  const server = createServer((request, response) => {
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    control(request, identity, state).then(
      (answer) => {
        if (answer) return send(answer.status, answer.body);
        const serving = servedFor(request, state);
        // The body is read to its end, so that the connection can be used again.
        request.resume();
        if (serving) send(200, tenantAnswer(identity, serving));
        else send(421, { error: 'no allocation of this replica has that host name' });
      },
      (error: Error) => {
        console.error(`${request.method} ${request.url}: ${error.message}`);
        if (!response.headersSent && !response.destroyed) send(500, { error: 'the agent could not do that' });
      },
    );
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (!servedFor(request, state))
      return socket.end('HTTP/1.1 421 Misdirected Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => client.terminate());
      client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
    });
  });
  return server;
}

/** What is served under the request's host name, if anything is. */
function servedFor(request: IncomingMessage, { serving }: EpochState): Serving | null {
  const host = request.headers.host?.replace(/:[0-9]+$/, '').toLowerCase();
  return serving?.hostname === host ? serving : null;
}

function tenantAnswer({ replicaId }: AgentIdentity, serving: Serving): TenantAnswer {
  const { allocation_id, organization_id, epoch, hostname } = serving;
  return { replica_id: replicaId, allocation_id, organization_id, epoch, host: hostname };
}
