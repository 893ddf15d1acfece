import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { replicaSecretOf } from '../activities/fleet/keys';
import type { FleetPorts } from '../activities/fleet/ports';
import type { GatewayPorts } from '../activities/gateway/ports';
import { network } from '../domain/address';
import { replicaSecretName } from '../domain/gateway/agent-protocol';
import type { Settings } from '../domain/settings';
import { AgentClient } from '../drivers/agent/client';
import { PowerDnsZone } from '../drivers/dns/powerdns';
import { ZoneWriter } from '../drivers/dns/zone-writer';
import { readSecret } from '../drivers/secrets/files';
import { exclusive } from './exclusive';

/** What of a process the gateway steps share with others. */
interface Shared extends Pick<GatewayPorts, 'store' | 'publishers'> {
  readonly identity: string;
  /** The secrets of the fleet's replicas; absent where there is no fleet. */
  readonly secrets?: FleetPorts['secrets'] | undefined;
}

/** What the gateway steps of a process act on, as its settings describe it. */
export function gatewayPorts(settings: Settings, { store, identity, publishers, secrets }: Shared): GatewayPorts {
  const { secretsDirectory } = settings;
  const zone = new ZoneWriter(new PowerDnsZone(settings.zone), {
    ttl: settings.zone.ttl,
    exclusive: exclusive(store.leases, `zone/${settings.zone.name}`, identity),
  });
  return {
    store,
    zone,
    agent: new AgentClient(settings.networks.map(network)),
    publishers,
    edgeIp: settings.edgeIp,
    async replicaSecret(id) {
      const name = replicaSecretName(id);
      // A machine's follows from the installation's key; only replicas that nobody makes have a file.
      if (secrets && !existsSync(join(secretsDirectory, name))) return replicaSecretOf(secrets, id);
      return await readSecret(secretsDirectory, name);
    },
  };
}
