import { setTimeout as sleep } from 'node:timers/promises';
import { callApi, type ApiAnswer } from './api-call';

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
      const url = this.next() + path;
      const answer = await callApi({ method, url, token: this.token, body, headers }).catch(unanswered);
      if (typeof answer !== 'string' && !passing.includes(String(answer.body['code']))) return answer;
      if (Date.now() > deadline)
        throw new Error(`${method} ${path}: ${typeof answer === 'string' ? answer : JSON.stringify(answer.body)}`);
      this.repeats += 1;
      await sleep(typeof answer === 'string' ? 200 : Number(answer.headers.get('retry-after') ?? 1) * 200);
    }
  }

  private next(): string {
    this.last = this.bases[this.turn++ % this.bases.length]!;
    return this.last;
  }
}

/** Why there is no answer. Not the error itself: those of fetch are no instances of the Error that tests know. */
function unanswered(error: unknown): string {
  return String(error);
}
