import type { AgentClient } from '../../drivers/agent/client';
import type { ZoneWriter } from '../../drivers/dns/zone-writer';
import type { Publisher } from '../../drivers/nginx/publisher';
import type { Store } from '../../prisma/store';

/** What the gateway activities act on. */
export interface GatewayPorts {
  readonly store: Store;
  readonly zone: Pick<ZoneWriter, 'register' | 'remove'>;
  readonly agent: Pick<AgentClient, 'handshake' | 'release'>;
  /** The edges that this worker publishes to, by name. */
  readonly publishers: ReadonlyMap<string, Pick<Publisher, 'publish'>>;
  /** The address that tenants' host names get. */
  readonly edgeIp: string;
  /** The secret of a replica, by its id. */
  replicaSecret(replicaId: string): Promise<string>;
}
