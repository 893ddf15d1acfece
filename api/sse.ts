import { once } from 'node:events';
import type { Response } from 'express';

/** Writes server-sent events to a response. */
export class EventStream {
  private readonly heart: NodeJS.Timeout;

  /**
   * Begins the stream.
   * @param heartbeatMs how often a comment keeps the connection alive.
   */
  constructor(
    private readonly res: Response,
    heartbeatMs: number,
  ) {
    res.status(200).set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'X-Accel-Buffering': 'no',
    });
    res.flushHeaders();
    res.write('retry: 1000\n\n');
    this.heart = setInterval(() => void res.write(': \n\n'), heartbeatMs);
  }

  /** Sends one event and waits until a slow reader has caught up or gone. */
  async send(event: string, data: unknown, id?: number): Promise<void> {
    const lines = [...(id === undefined ? [] : [`id: ${id}`]), `event: ${event}`, `data: ${JSON.stringify(data)}`];
    if (this.res.write(`${lines.join('\n')}\n\n`) || this.res.destroyed) return;
    await Promise.race([once(this.res, 'drain'), once(this.res, 'close')]);
  }

  /** Ends the stream. */
  end(): void {
    clearInterval(this.heart);
    this.res.end();
  }
}
