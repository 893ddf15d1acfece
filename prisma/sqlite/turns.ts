/** A queue before something that one at a time may use, first come, first served. */
export class Turns {
  private static readonly queues = new Map<string, Turns>();
  private last: Promise<void> = Promise.resolve();

  /** The queue of this process before what `name` names. */
  static of(name: string): Turns {
    const queue = this.queues.get(name) ?? new Turns();
    this.queues.set(name, queue);
    return queue;
  }

  /** Resolves when it is the caller's turn, with what ends it; ending it twice does nothing. */
  async next(): Promise<() => void> {
    const before = this.last;
    let done!: () => void;
    this.last = new Promise((resolve) => (done = resolve));
    await before;
    return done;
  }
}
