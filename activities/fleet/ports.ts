import type { BackendFacts } from '../../domain/fleet/scaling';
import type { Cloud } from '../../drivers/cloud/cloud';
import type { DerivedSecrets } from '../../drivers/secrets/derived';
import type { Store } from '../../prisma/store';
import type { Hosts } from './hosts';

/** What the fleet's activities act on. */
export interface FleetPorts {
  readonly store: Store;
  /** The installation's id: the owner in every machine's tags. */
  readonly installation: string;
  /** The backends that are configured, by name. */
  readonly clouds: ReadonlyMap<string, Cloud>;
  /** What is known of a backend in a region. */
  backendFacts(backend: string, region: string): BackendFacts;
  readonly secrets: Pick<DerivedSecrets, 'secret' | 'keyPair'>;
  /** The way to machines. */
  readonly hosts: Hosts;
  /** Ids of the gateways' and replicas' workflows that run. */
  runningWorkflows(): Promise<ReadonlySet<string>>;
}
