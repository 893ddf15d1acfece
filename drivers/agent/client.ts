import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { z } from 'zod';
import { address, formatAddress, type Network } from '../../domain/address';
import { Failure } from '../../domain/failures';
import {
  agentPaths,
  confirmationText,
  handshakeText,
  releasedText,
  releaseText,
  type AgentHealth,
  type HandshakeRequest,
  type ReleaseRequest,
} from '../../domain/gateway/agent-protocol';
import { printable } from '../../domain/hostname';
import { exchange, type Answered, type Exchange, type Unanswered } from '../http';
import { isProof, prove } from './proof';

/** How long the client waits; all in milliseconds. */
export interface AgentTimes {
  /** One request, connecting included; 500 unless told. */
  readonly requestMs?: number;
  /** Between two requests; 200 unless told. */
  readonly pollMs?: number;
  /** A whole handshake; 5,000 unless told. */
  readonly handshakeMs?: number;
  /** A whole release; 2,000 unless told. */
  readonly releaseMs?: number;
}

/** A replica to talk to. */
export interface AgentTarget {
  /** `ip:port` as the store has it; checked again before each request. */
  readonly address: string;
  /** The replica's secret; never sent. */
  readonly secret: string;
}

const LIMIT = 16_384;
const epoch = z.number().int().positive();
const confirmed = z.strictObject({ replica_id: z.string(), allocation_id: z.string(), epoch, proof: z.string() });
const health = z.strictObject({
  replica_id: z.string(),
  status: z.literal('ok'),
  allocation_id: z.string().nullable(),
  epoch: z.number().int().nonnegative(),
});

/**
 * Talks to the agents of gateway replicas. Nothing they say is trusted before its proof is checked; they are reached at
 * a literal address inside the allowed networks alone, without proxies and without following redirects.
 */
export class AgentClient {
  // A connection of its own for each request: between two, a replica may have become another one.
  private readonly dispatcher: Agent;
  private readonly times: Required<AgentTimes>;

  constructor(
    private readonly networks: readonly Network[],
    times: AgentTimes = {},
  ) {
    this.times = { requestMs: 500, pollMs: 200, handshakeMs: 5_000, releaseMs: 2_000, ...times };
    this.dispatcher = new Agent({ pipelining: 0, connect: { timeout: this.times.requestMs } });
  }

  /**
   * Tells a replica which allocation it serves from now on, and waits until it has confirmed that.
   * @throws Failure ADDRESS_REFUSED before any connection; HANDSHAKE_FAILED at once for any answer that is not the
   * confirmation; HANDSHAKE_TIMEOUT when there is none in time. Throws the reason of an aborted `signal`.
   */
  async handshake(target: AgentTarget, subject: Omit<HandshakeRequest, 'token'>, signal?: AbortSignal): Promise<void> {
    const { replica_id, allocation_id, organization_id, hostname, epoch } = subject;
    const token = prove(target.secret, handshakeText(subject));
    const request: HandshakeRequest = { replica_id, allocation_id, organization_id, hostname, epoch, token };
    const answer = await this.insist(target, agentPaths.handshake, request, this.times.handshakeMs, signal);
    if (answer.kind !== 'answered')
      throw new Failure(
        'HANDSHAKE_TIMEOUT',
        `replica ${replica_id} at ${target.address} did not confirm in time: ${answer.message}`,
      );
    verify(target, subject, answer, confirmationText(subject));
  }

  /**
   * Tells a replica that an epoch is over.
   * @returns `unreachable` when nothing answers within the deadline; the epoch may still be served then.
   * @throws Failure ADDRESS_REFUSED before any connection; HANDSHAKE_FAILED when something else than the replica's
   * word comes back. Throws the reason of an aborted `signal`.
   */
  async release(
    target: AgentTarget,
    subject: Omit<ReleaseRequest, 'token'>,
    signal?: AbortSignal,
  ): Promise<'released' | 'unreachable'> {
    const { replica_id, allocation_id, epoch } = subject;
    const request: ReleaseRequest = {
      replica_id,
      allocation_id,
      epoch,
      token: prove(target.secret, releaseText(subject)),
    };
    const answer = await this.insist(target, agentPaths.release, request, this.times.releaseMs, signal);
    if (answer.kind !== 'answered') return 'unreachable';
    verify(target, subject, answer, releasedText(subject));
    return 'released';
  }

  /**
   * Asks a replica how it is, once. The answer carries no proof: it is for people and readiness, not for decisions.
   * @throws Failure ADDRESS_REFUSED, HANDSHAKE_FAILED, HANDSHAKE_TIMEOUT
   */
  async health(replica: string, signal?: AbortSignal): Promise<AgentHealth> {
    const answer = await this.send(replica, agentPaths.health, undefined, this.times.requestMs, signal);
    if (answer.kind !== 'answered')
      throw new Failure('HANDSHAKE_TIMEOUT', `the replica at ${replica} does not answer: ${answer.message}`);
    if (answer.status !== 200)
      throw new Failure('HANDSHAKE_FAILED', `the replica at ${replica} answered ${answer.status}`);
    return parse(health, answer.text, `the replica at ${replica}`);
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  /** Asks again and again while nothing answers, or something that says it cannot at present (5xx). */
  private async insist(
    target: AgentTarget,
    path: string,
    body: object,
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<Answered | Unanswered> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const left = Math.max(1, deadline - Date.now());
      const answer = await this.send(target.address, path, body, Math.min(left, this.times.requestMs), signal);
      if (answer.kind === 'too-large')
        throw new Failure('HANDSHAKE_FAILED', `${target.address} gave ${answer.message}`);
      if (answer.kind === 'answered' && answer.status < 500) return answer;
      if (Date.now() + this.times.pollMs >= deadline)
        return answer.kind === 'answered' ? { kind: 'refused', message: `it answered ${answer.status}` } : answer;
      await sleep(this.times.pollMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }

  private async send(
    to: string,
    path: string,
    body: object | undefined,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Answered | Unanswered> {
    // The URL is made of the numbers that were read, not of the text that was given.
    const url = `http://${formatAddress(address(to, this.networks))}${path}`;
    const request: Exchange = {
      dispatcher: this.dispatcher,
      url,
      method: body ? 'POST' : 'GET',
      timeoutMs,
      limit: LIMIT,
      ...(signal && { signal }),
    };
    return await exchange(
      body ? { ...request, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : request,
    );
  }
}

function verify(
  target: AgentTarget,
  subject: { replica_id: string; allocation_id: string; epoch: number },
  answer: Answered,
  text: string,
): void {
  const who = `replica ${subject.replica_id} at ${target.address}`;
  if (answer.status === 409)
    throw new Failure('HANDSHAKE_FAILED', `${who} refuses epoch ${subject.epoch}: it is over or a newer one began`);
  if (answer.status === 403)
    throw new Failure('HANDSHAKE_FAILED', `${who} is another replica or does not know our secret`);
  if (answer.status !== 200) throw new Failure('HANDSHAKE_FAILED', `${who} answered ${answer.status}`);
  const said = parse(confirmed, answer.text, who);
  if (said.replica_id !== subject.replica_id)
    throw new Failure('HANDSHAKE_FAILED', `${who} says it is ${printable(said.replica_id)}`);
  if (said.allocation_id !== subject.allocation_id || said.epoch !== subject.epoch)
    throw new Failure('HANDSHAKE_FAILED', `${who} speaks of another allocation or epoch`);
  if (!isProof(target.secret, text, said.proof))
    throw new Failure('HANDSHAKE_FAILED', `${who} cannot prove that it is that replica`);
}

function parse<T>(schema: z.ZodType<T>, text: string, who: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new Failure('HANDSHAKE_FAILED', `${who} gave an answer that is not of the protocol`);
  }
}
