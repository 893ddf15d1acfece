import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client';
import { CliProblem } from './problem';

/** A server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  /** Its position in the journal; undefined for `end`. */
  readonly id: string | undefined;
}

/** Reads server-sent events (WHATWG HTML, 9.2) from the pieces in which they arrive. */
export class EventParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private id: string | undefined;
  /** Milliseconds to wait before connecting again, as the server last asked for. */
  retryMs: number | undefined;

  /** Takes the next piece of the stream and gives the events that it completes. */
  push(piece: string): ServerEvent[] {
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop()!;
    return lines.map((line) => this.line(line)).filter((event) => event !== undefined);
  }

  private line(line: string): ServerEvent | undefined {
    if (line === '') return this.dispatch();
    const colon = line.indexOf(':');
    const [name, value] = colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
    if (name === 'event') this.event = value;
    else if (name === 'data') this.data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  private dispatch(): ServerEvent | undefined {
    const { event, data, id } = this;
    this.event = '';
    this.data = [];
    this.id = undefined;
    return data.length === 0 ? undefined : { event: event || 'message', data: data.join('\n'), id };
  }
}

/** How a stream is followed. */
export interface FollowOptions {
  readonly signal: AbortSignal;
  /** The event after which to begin; from the stream's own beginning unless told. */
  readonly after?: string;
  /** Milliseconds without a connection until the stream is given up; 30 seconds unless told. */
  readonly patienceMs?: number;
  /** Is told once when the connection is lost, and once when it is there again. */
  readonly onConnection?: (up: boolean) => void;
  /** Is waited for each time the stream is open, before its events are read. */
  readonly onOpen?: () => Promise<void>;
}

/**
 * Follows a stream, going on after the last event wherever the connection breaks off, until the event `end`.
 * @throws CliProblem when the API refuses the stream, or stays away for longer than the patience lasts.
 */
export async function* followStream(
  client: Client,
  path: string,
  { signal, after, patienceMs = 30_000, onConnection, onOpen }: FollowOptions,
): AsyncGenerator<ServerEvent> {
  let last = after;
  let retryMs = 1_000;
  let lostAt: number | undefined;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last };
      const pieces = await client.stream(path, headers, signal);
      if (lostAt !== undefined) onConnection?.(true);
      lostAt = undefined;
      await onOpen?.();
      const parser = new EventParser();
      for await (const piece of pieces) {
        for (const event of parser.push(piece)) {
          yield event;
          if (event.event === 'end') return;
          last = event.id ?? last;
        }
        retryMs = parser.retryMs ?? retryMs;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      if (lostAt !== undefined && Date.now() - lostAt > patienceMs) throw error;
    }
    if (signal.aborted) return;
    if (lostAt === undefined) onConnection?.(false);
    lostAt ??= Date.now();
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Whether trying again may help: the API is away, or busy, or the connection broke off in the middle. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof CliProblem)) return false;
  const { code, status } = error.document;
  return code === 'API_UNREACHABLE' || status === 503 || status === 429;
}
