import type { GatewayPorts } from '../activities/gateway/ports';
import { network } from '../domain/address';
import { replicaSecretName } from '../domain/gateway/agent-protocol';
import type { Settings } from '../domain/settings';
import { AgentClient } from '../drivers/agent/client';
import { PowerDnsZone } from '../drivers/dns/powerdns';
import { ZoneWriter } from '../drivers/dns/zone-writer';
import { readSecret } from '../drivers/secrets/files';
import { exclusive } from './exclusive';

/** What the gateway steps of a process act on, as its settings describe it. */
export function gatewayPorts(
  settings: Settings,
  { store, identity, publishers }: { identity: string } & Pick<GatewayPorts, 'store' | 'publishers'>,
): GatewayPorts {
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
    replicaSecret: (id) => readSecret(settings.secretsDirectory, replicaSecretName(id)),
  };
}
