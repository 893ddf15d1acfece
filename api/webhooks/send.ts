import { createHmac } from 'node:crypto';
import { Agent } from 'undici';
import type { WebhookDelivery } from '../../prisma/store';
import { isDatabaseEvent } from '../../domain/deploy/webhook-event';
import { isFailure } from '../../domain/failures';
import type { Targets } from './target';

/** Milliseconds for connecting, for the head and for the body of an answer each. */
const TIMEOUT_MS = 5_000;

/** Bytes of an answer that are read: only its status counts. */
const MAX_ANSWER = 16 * 1024;

/** What became of an attempt. */
export interface Attempted {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly error: string | null;
}

/**
 * The header that proves where a delivery comes from: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`. The
 * receiver compares it and refuses old times.
 */
export function signature(secret: string, body: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

/** PlanetScale's header, for receivers of its events: hex HMAC-SHA256 of the body. It does not tell a repeat from the first. */
function bodySignature(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** Sends deliveries over connections of its own: no proxy of the environment, no redirects, nowhere inside. */
export class Sender {
  private readonly agent: Agent;

  constructor(private readonly targets: Targets) {
    this.agent = new Agent({
      connect: { timeout: TIMEOUT_MS, lookup: targets.lookup },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      maxResponseSize: MAX_ANSWER,
      keepAliveTimeout: 1_000,
    });
  }

  /** Makes one attempt; every 2xx answer is a delivery, and any other end a reason. */
  async send(url: string, secret: string, delivery: WebhookDelivery, now: Date): Promise<Attempted> {
    try {
      // Checked again: the networks that are allowed may have changed since it was registered.
      const target = this.targets.url(url);
      const body = JSON.stringify({ id: delivery.id, ...(delivery.payload as object) });
      const { statusCode, body: answer } = await this.agent.request({
        origin: target.origin,
        path: target.pathname + target.search,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Gatewright',
          'gatewright-event': delivery.event,
          'gatewright-delivery': delivery.id,
          'gatewright-signature': signature(secret, body, Math.floor(now.getTime() / 1000)),
          ...(isDatabaseEvent(delivery.event) && { 'x-planetscale-signature': bodySignature(secret, body) }),
        },
        body,
        signal: AbortSignal.timeout(2 * TIMEOUT_MS),
      });
      await answer.dump({ limit: MAX_ANSWER });
      const delivered = statusCode >= 200 && statusCode < 300;
      const redirect = statusCode >= 300 && statusCode < 400 ? 'redirects are not followed' : `answered ${statusCode}`;
      return { delivered, status: statusCode, error: delivered ? null : redirect };
    } catch (error) {
      return { delivered: false, status: null, error: reason(error) };
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

function reason(error: unknown): string {
  if (isFailure(error)) return error.message;
  const { code, name } = error as { code?: unknown; name?: unknown };
  return `no answer (${typeof code === 'string' ? code : String(name)})`;
}
