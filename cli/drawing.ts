import type { Io } from './io';

/** Lines on a terminal that are drawn again and again in the same place. */
export class Drawing {
  private height = 0;

  constructor(private readonly io: Io) {}

  /** Draws lines over the ones before, each whole, and removes what is left of those: nothing flickers. */
  draw(lines: readonly string[]): void {
    const back = this.height === 0 ? '' : `\u001b[${this.height}A`;
    this.io.out(`${back}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    this.height = lines.length;
  }
}

/** Milliseconds between two drawings of what has not changed: time is part of it. */
const TICK_MS = 1_000;

/** Something that is drawn anew whenever it has changed, and every second, until it is closed. */
export abstract class LiveDrawing<T> {
  protected lost = false;
  private last: T | undefined;
  private readonly drawing: Drawing;
  private readonly ticking: NodeJS.Timeout;

  constructor(protected readonly io: Io) {
    this.drawing = new Drawing(io);
    this.ticking = setInterval(() => this.draw(), TICK_MS);
    this.ticking.unref();
  }

  show(now: T): void {
    this.last = now;
    this.draw();
  }

  connection(up: boolean): void {
    this.lost = !up;
    this.draw();
  }

  close(): void {
    clearInterval(this.ticking);
  }

  /** What is drawn of it, line by line. */
  protected abstract text(now: T): readonly string[];

  private draw(): void {
    if (this.last !== undefined) this.drawing.draw(this.text(this.last));
  }
}
