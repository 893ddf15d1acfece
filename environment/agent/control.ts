import type { IncomingMessage } from 'node:http';
import {
  agentPaths,
  confirmationText,
  handshakeText,
  releasedText,
  releaseText,
  type AgentHealth,
  type HandshakeAnswer,
  type HandshakeRequest,
  type ReleaseAnswer,
  type ReleaseRequest,
} from '../../domain/gateway/agent-protocol';
import { isProof, prove } from '../../drivers/agent/proof';
import type { EpochState } from './state';

/** Who an agent is. */
export interface AgentIdentity {
  readonly replicaId: string;
  readonly secret: string;
}

export interface ControlAnswer {
  readonly status: number;
  readonly body: object;
}

const LIMIT = 16_384;
const fields = {
  handshake: ['replica_id', 'allocation_id', 'organization_id', 'hostname', 'token'],
  release: ['replica_id', 'allocation_id', 'token'],
} as const;

/** Answers Gatewright's own requests, those to the paths of the agent protocol. Undefined for all others, which are tenants'. */
export async function control(
  request: IncomingMessage,
  identity: AgentIdentity,
  state: EpochState,
): Promise<ControlAnswer | undefined> {
  const path = request.url!.split('?')[0]!;
  if (path === agentPaths.health) return { status: 200, body: health(identity, state) };
  if (!path.startsWith('/_gatewright/')) return undefined;
  const known = path === agentPaths.handshake ? 'handshake' : path === agentPaths.release ? 'release' : undefined;
  if (!known) return refuse(404, 'no such path');
  if (request.method !== 'POST') return refuse(405, 'use POST');
  const text = await readBody(request);
  if (text === undefined) return refuse(413, 'the body is too large');
  const body = parse(text, fields[known]);
  if (!body) return refuse(400, 'not a request of the protocol');
  if (body.replica_id !== identity.replicaId) return refuse(403, 'this is another replica');
  return known === 'handshake'
    ? handshake(body as unknown as HandshakeRequest, identity, state)
    : release(body as unknown as ReleaseRequest, identity, state);
}

function health({ replicaId }: AgentIdentity, { serving }: EpochState): AgentHealth {
  return {
    replica_id: replicaId,
    status: 'ok',
    allocation_id: serving?.allocation_id ?? null,
    epoch: serving?.epoch ?? 0,
  };
}

function handshake(request: HandshakeRequest, { secret }: AgentIdentity, state: EpochState): ControlAnswer {
  const { replica_id, allocation_id, organization_id, hostname, epoch } = request;
  if (!isProof(secret, handshakeText(request), request.token)) return refuse(403, 'wrong token');
  if (!state.begin({ allocation_id, organization_id, hostname, epoch }))
    return refuse(409, 'a newer epoch began, or this one is over');
  const body: HandshakeAnswer = { replica_id, allocation_id, epoch, proof: prove(secret, confirmationText(request)) };
  return { status: 200, body };
}

function release(request: ReleaseRequest, { secret }: AgentIdentity, state: EpochState): ControlAnswer {
  const { replica_id, allocation_id, epoch } = request;
  if (!isProof(secret, releaseText(request), request.token)) return refuse(403, 'wrong token');
  if (!state.end(epoch, allocation_id)) return refuse(409, 'this epoch belongs to another allocation');
  const body: ReleaseAnswer = { replica_id, allocation_id, epoch, proof: prove(secret, releasedText(request)) };
  return { status: 200, body };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= LIMIT) chunks.push(chunk);
  }
  if (size > LIMIT) return undefined;
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string, names: readonly string[]): Record<string, unknown> | undefined {
  try {
    const body = JSON.parse(text) as Record<string, unknown> | null;
    if (
      body === null ||
      typeof body !== 'object' ||
      !Number.isSafeInteger(body['epoch']) ||
      (body['epoch'] as number) < 1
    )
      return undefined;
    return names.every((name) => typeof body[name] === 'string') ? body : undefined;
  } catch {
    return undefined;
  }
}

function refuse(status: number, error: string): ControlAnswer {
  return { status, body: { error } };
}
