/*
 * What Gatewright and a gateway's agent say to each other, over HTTP/1.1 on the replica's own address. Both sides know
 * the replica's secret; neither ever sends it in a handshake: each proves it with an HMAC over what it says.
 */

/** Paths on the agent. The edges never route `/_gatewright/` from tenants. */
export const agentPaths = {
  health: '/health',
  handshake: '/_gatewright/handshake',
  release: '/_gatewright/release',
} as const;

/** Body of `POST /_gatewright/handshake`. The same allocation and epoch again is answered the same. */
export interface HandshakeRequest {
  readonly replica_id: string;
  readonly allocation_id: string;
  readonly organization_id: string;
  readonly hostname: string;
  readonly epoch: number;
  /** One-time token: hex HMAC-SHA256 of {@link handshakeText} under the replica's secret. */
  readonly token: string;
}

/** Body of its 200 answer. An epoch below the one it serves or has released is answered 409. */
export interface HandshakeAnswer {
  readonly replica_id: string;
  readonly allocation_id: string;
  readonly epoch: number;
  /** Hex HMAC-SHA256 of {@link confirmationText}. */
  readonly proof: string;
}

/** Body of `POST /_gatewright/release`. 200 when the epoch is released, was before, or never began; then no older or equal epoch can begin. */
export interface ReleaseRequest {
  readonly replica_id: string;
  readonly allocation_id: string;
  readonly epoch: number;
  /** Hex HMAC-SHA256 of {@link releaseText}. */
  readonly token: string;
}

/** Body of its 200 answer. */
export interface ReleaseAnswer {
  readonly replica_id: string;
  readonly allocation_id: string;
  readonly epoch: number;
  /** Hex HMAC-SHA256 of {@link releasedText}. */
  readonly proof: string;
}

/** Answer of `GET /health`. */
export interface AgentHealth {
  readonly replica_id: string;
  readonly status: 'ok';
  readonly allocation_id: string | null;
  /** The epoch it serves, 0 when none. */
  readonly epoch: number;
}

/** What the environment's agent answers to tenants' requests. */
export interface TenantAnswer {
  readonly replica_id: string;
  readonly allocation_id: string;
  readonly organization_id: string;
  readonly epoch: number;
  readonly host: string;
}

/** The name of the file in the secrets' directory that holds a replica's secret. */
export function replicaSecretName(replicaId: string): string {
  return `replica-${replicaId}`;
}

interface Subject {
  readonly replica_id: string;
  readonly allocation_id: string;
  readonly epoch: number;
}
export function handshakeText(request: Omit<HandshakeRequest, 'token'>): string {
  return [
    'handshake',
    request.replica_id,
    request.allocation_id,
    request.organization_id,
    request.hostname,
    request.epoch,
  ].join('\n');
}
export function confirmationText(subject: Subject): string {
  return ['confirmed', subject.replica_id, subject.allocation_id, subject.epoch].join('\n');
}
export function releaseText(subject: Subject): string {
  return ['release', subject.replica_id, subject.allocation_id, subject.epoch].join('\n');
}
export function releasedText(subject: Subject): string {
  return ['released', subject.replica_id, subject.allocation_id, subject.epoch].join('\n');
}
