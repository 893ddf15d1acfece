import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiAnswer } from './running';

/** Milliseconds that a request is repeated for while the API, or what is behind it, is away. */
const PATIENCE_MS = 90_000;

/** Codes that tell a caller to send the same request again. */
const passing = ['ENGINE_UNAVAILABLE', 'STORE_UNAVAILABLE', 'IDEMPOTENCY_KEY_IN_FLIGHT', 'NOT_READY'];

/** A client of several APIs of one installation: it asks each in turn, and another one when one does not answer. */
export class ApiCaller {
  private turn = 0;
  /** The base URL that was asked last. */
  last = '';
  /** How often it had to ask again. */
  repeats = 0;

  /** @param bases base URLs. */
  constructor(
    private readonly bases: readonly string[],
    private readonly token: string,
  ) {}

  /**
   * Sends a request until it is answered with something that a repeat would not change. It is five times as impatient as
   * `Retry-After` asks for.
   */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.once(method, path, body, headers).catch((error: Error) => error);
      const again = answer instanceof Error || passing.includes(String(answer.body['code']));
      if (!again) return answer;
      if (Date.now() > deadline)
        throw new Error(`${method} ${path}: ${answer instanceof Error ? answer.message : JSON.stringify(answer.body)}`);
      this.repeats += 1;
      await sleep(answer instanceof Error ? 200 : Number(answer.headers.get('retry-after') ?? 1) * 200);
    }
  }

  private async once(
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<ApiAnswer> {
    const base = this.bases[this.turn++ % this.bases.length]!;
    this.last = base;
    const answer = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: (text ? JSON.parse(text) : {}) as ApiAnswer['body'],
    };
  }
}
