import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { replicaSecretName } from '../../domain/gateway/agent-protocol';
import { writeSecret } from '../../drivers/secrets/files';
import { readJson } from '../../environment/home';
import type { Random } from '../support/random';
import type { RunningEnvironment } from '../support/running';

/** Milliseconds at the most that a replica is stopped until a handshake with it has timed out: they may come late. */
const MOST_MS = 30_000;

/**
 * Makes replicas fail their handshakes: now and then one does not know our secret any more, and one is stopped for a
 * moment. Whoever is live on them goes on being served. What is quarantined for it is put back by a person's word.
 */
export class Disturbance {
  private readonly done = new AbortController();
  private work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly running: RunningEnvironment,
    private readonly random: Random,
    /** How many handshakes have timed out. */
    private readonly timedOut: () => number,
  ) {}

  start(): void {
    this.work = Promise.all([this.secrets(0), this.secrets(1), this.secrets(2), this.pauses(), this.readmissions()]);
  }

  /** Puts everything right again. */
  async stop(): Promise<void> {
    this.done.abort();
    await this.work;
    await this.readmit();
  }

  /** @param third which third of the replicas it takes its victims from, so that two never have the same. */
  private async secrets(third: number): Promise<void> {
    const { settings, identities } = this.running.environment;
    const replicas = identities.replicas.filter((_, i) => i % 3 === third);
    while (!this.done.signal.aborted) {
      const { id, secretFile } = this.random.pick(replicas);
      const secret = readFileSync(secretFile, 'utf8').trim();
      await writeSecret(settings.secretsDirectory, replicaSecretName(id), 'f'.repeat(64));
      await this.wait(this.random.between(200, 500));
      await writeSecret(settings.secretsDirectory, replicaSecretName(id), secret);
      await this.wait(100);
    }
  }

  private async pauses(): Promise<void> {
    let long = true;
    while (!this.done.signal.aborted) {
      const { name, id } = this.random.pick(this.running.environment.identities.replicas);
      if (!this.serves(id) && (await this.pause(name, id, long))) long = !long;
      await this.wait(50);
    }
  }

  /**
   * Stops an agent, unless it serves somebody: whoever it began to serve in this moment must not notice.
   * @param long until a handshake has timed out, or only for a moment.
   */
  private async pause(name: string, id: string, long: boolean): Promise<boolean> {
    const { environment } = this.running;
    environment.signal(name, 'SIGSTOP');
    try {
      if (this.serves(id)) return false;
      if (long) await this.untilTimedOut();
      else await this.wait(300);
      return true;
    } finally {
      environment.signal(name, 'SIGCONT');
    }
  }

  private async untilTimedOut(): Promise<void> {
    const [before, began] = [this.timedOut(), Date.now()];
    while (!this.done.signal.aborted && this.timedOut() === before && Date.now() - began < MOST_MS) await this.wait(50);
  }

  private serves(id: string): boolean {
    const file = this.running.environment.home.path('agents', `${id}.json`);
    return (readJson<{ serving: unknown }>(file)?.serving ?? null) !== null;
  }

  private async readmissions(): Promise<void> {
    while (!this.done.signal.aborted) {
      await this.readmit();
      await this.wait(300);
    }
  }

  private async readmit(): Promise<void> {
    for (const { id, quarantinedAt, allocationId } of await this.running.store.pool.replicas())
      if (quarantinedAt !== null && allocationId === null)
        await this.running.call('POST', `/gateways/replicas/${id}/readmit`);
  }

  private async wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.done.signal }).catch(() => undefined);
  }
}
