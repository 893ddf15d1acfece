import { CancellationScope, sleep } from '@temporalio/workflow';
import type { Saga } from '../saga/saga';
import { isRunFailure } from '../saga/failure';

/** Milliseconds until how far a deploy is is read for the first time. */
const FIRST_MS = 5_000;

/** The share of the time that a deploy has taken after which that is read again: so its history stays small. */
const SHARE = 0.2;

/** How far a deploy is, for people who read it in Temporal's Web UI. */
export class Details {
  text = '';
  private saga: Saga | undefined;

  constructor(private readonly read: () => Promise<string>) {}

  shownBy(saga: Saga): void {
    this.saga = saga;
  }

  /** Shows it now and then while something is done. */
  async whileShown(action: () => Promise<void>): Promise<void> {
    const scope = new CancellationScope();
    const refreshing = scope
      .run(() => this.refresh())
      .catch((error: unknown) => {
        if (!isRunFailure(error)) throw error;
      });
    try {
      await action();
    } finally {
      scope.cancel();
      await refreshing;
    }
  }

  /** Shows it as it is now. That nobody can tell is no matter. */
  async show(): Promise<void> {
    this.text = await this.read().catch((error: unknown) => {
      if (!isRunFailure(error)) throw error;
      return this.text;
    });
    this.saga?.publish();
  }

  private async refresh(): Promise<void> {
    const began = Date.now();
    for (;;) {
      await sleep(Math.max(FIRST_MS, (Date.now() - began) * SHARE));
      await this.show();
    }
  }
}
