import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Settings } from '../../domain/settings';
import type { Store } from '../../prisma/store';
import type { Engine } from '../engine';
import { Lives } from './lives';
import { Removals } from './removals';
import { within } from './runs';

/** Who does what nobody asks for. */
const NAME = 'gatewright';

/** Milliseconds that one round waits for an account to be dropped. */
const ACCOUNT_MS = 5_000;

/** What a caretaker works with. */
export interface CaretakerParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => Date;
  /** Milliseconds between two rounds. */
  readonly everyMs: number;
}

/**
 * Sees to it that what the store says is being made, deleted or deployed has its run, whoever was killed before it was
 * begun, and that accounts go when their time is over. Beginning a run that there is changes nothing, so every API process
 * has a caretaker.
 */
export class Caretaker {
  private readonly stop = new AbortController();
  private readonly lives: Lives;
  private readonly removals: Removals;
  private loop: Promise<void> = Promise.resolve();

  constructor(private readonly parts: CaretakerParts) {
    this.lives = new Lives(parts.settings);
    this.removals = new Removals(parts);
  }

  start(): void {
    this.loop = this.run();
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.loop;
  }

  /** One round. A thing that cannot be seen to now is left to the next one. */
  async look(): Promise<void> {
    const { store, now } = this.parts;
    const { databases, branches, requests, passwords } = store.deploys;
    for (const database of await databases.unfinished())
      await this.attempt(`database ${database.id}`, (deploys) =>
        database.state === 'pending'
          ? deploys.createDatabase(this.lives.database(database))
          : this.removals.database(database, NAME),
      );
    for (const branch of await branches.unfinished())
      await this.attempt(`branch ${branch.id}`, async (deploys) => {
        if (branch.state === 'pending') return await deploys.createBranch(this.lives.branch(branch));
        const database = await databases.get(branch.organizationId, branch.databaseId);
        return database && (await this.removals.branch(database, branch, NAME));
      });
    for (const request of await requests.unfinished())
      await this.attempt(`deploy request ${request.id}`, async (deploys) => {
        const database = await databases.get(request.organizationId, request.databaseId);
        if (database) await deploys.startRequest(this.lives.request(database, request));
      });
    for (const password of await passwords.expired(now()))
      await this.attempt(`account ${password.username}`, () =>
        within(ACCOUNT_MS, [this.stop.signal], (enough) => this.removals.account(password, enough)),
      );
  }

  private async attempt(what: string, begin: (deploys: Engine['deploys']) => Promise<unknown>): Promise<void> {
    if (this.stop.signal.aborted) return;
    try {
      await begin(this.parts.engine.deploys);
    } catch (error) {
      this.parts.log.warn({ err: error, what }, 'a run could not be begun yet');
    }
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      await this.look().catch((error: unknown) =>
        this.parts.log.warn({ err: error }, 'could not look for what has no run'),
      );
      await sleep(this.parts.everyMs, undefined, { signal: this.stop.signal }).catch(() => undefined);
    }
  }
}
