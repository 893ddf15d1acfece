import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { GatewayRef } from '../../domain/fleet/contract';
import { defaultFleetPolicy } from '../../domain/fleet/policy';
import type { Settings } from '../../domain/settings';
import type { Engine } from '../engine';

/** Milliseconds between two attempts to tell what Temporal was not there to hear. */
const AGAIN_MS = 1_000;

/**
 * Tells the workflows of gateways and replicas that the store says something new. What is wanted is in the store by
 * then, and asking for it once more would change nothing: so while Temporal is away nobody is told that it failed. It is
 * told again until Temporal hears it; what a process that was killed did not tell, a sweep does.
 */
export class Teller {
  private readonly untold = new Map<string, () => Promise<void>>();

  constructor(
    private readonly engine: Engine,
    private readonly settings: Settings,
    private readonly log: Logger,
    private readonly closing: AbortSignal,
  ) {}

  /** Has a gateway's workflow look; begins it where it does not run. */
  async gateway({ organizationId, gatewayId }: GatewayRef): Promise<void> {
    const { policy, fleet } = this.settings;
    const life = { organizationId, gatewayId, policy, fleet: fleet?.policy ?? defaultFleetPolicy };
    await this.tell(`gateway ${gatewayId}`, () => this.engine.tellGateway(life));
  }

  /** Has a replica's workflow look. */
  async replica(replicaId: string): Promise<void> {
    await this.tell(`replica ${replicaId}`, () => this.engine.tellReplica(replicaId));
  }

  private async tell(whom: string, send: () => Promise<void>): Promise<void> {
    try {
      await send();
      this.untold.delete(whom);
    } catch (error) {
      this.log.warn({ err: error, whom }, 'a change could not be told yet');
      if (this.untold.size === 0) void this.again();
      this.untold.set(whom, send);
    }
  }

  /** Tells what is left, until nothing is. */
  private async again(): Promise<void> {
    do {
      await sleep(AGAIN_MS, undefined, { signal: this.closing, ref: false }).catch(() => undefined);
      for (const [whom, send] of this.untold) {
        if (this.closing.aborted) return;
        const told = await send().then(
          () => true,
          () => false,
        );
        if (!told) break;
        if (this.untold.get(whom) === send) this.untold.delete(whom);
      }
    } while (this.untold.size > 0 && !this.closing.aborted);
  }
}
