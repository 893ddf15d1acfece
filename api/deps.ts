import type { Logger } from 'pino';
import type { Settings } from '../domain/settings';
import type { Store } from '../prisma/store';
import type { Engine } from './engine';
import type { FleetCommands } from './fleet/commands';
import type { Limits } from './limits';
import type { JournalWatch } from './journal-watch';
import type { ApplyWatch } from './rollout/apply-watch';
import type { Metrics } from './metrics';
import type { Streams } from './streams';
import type { Seal } from './webhooks/secret';
import type { Targets } from './webhooks/target';

/** What the routes work with; app.ts makes it. */
export interface Deps {
  readonly store: Store;
  readonly engine: Engine;
  readonly fleet: FleetCommands;
  readonly settings: Settings;
  readonly limits: Limits;
  readonly watch: JournalWatch;
  readonly applyWatch: ApplyWatch;
  readonly streams: Streams;
  readonly metrics: Metrics;
  readonly targets: Targets;
  readonly seal: Seal;
  readonly log: Logger;
  readonly now: () => Date;
  /** Aborted when the API begins to close: nobody waits any longer. */
  readonly closing: AbortSignal;
}
