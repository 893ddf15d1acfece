import { gatewayHostname } from '../../domain/hostname';
import type { GatewayActivities } from './activities';
import { heldAllocation } from './held';
import type { GatewayPorts } from './ports';

/** The host name of an allocation, owned by it. */
export function dnsSteps({ store, zone, edgeIp }: GatewayPorts): Pick<GatewayActivities, 'registerDns' | 'removeDns'> {
  return {
    async registerDns({ allocationId }) {
      const { hostname } = await heldAllocation(store, allocationId);
      const stillHeld = async (): Promise<void> => void (await heldAllocation(store, allocationId));
      await zone.register({ hostname, ip: edgeIp, owner: allocationId }, stillHeld);
    },

    async removeDns({ organizationId, allocationId, zone: zoneName }) {
      await zone.remove({ hostname: gatewayHostname(organizationId, zoneName), owner: allocationId });
    },
  };
}
