import { gatewayHostname } from '../../domain/hostname';
import type { GatewayActivities } from './activities';
import { heldAllocation } from './held';
import { isLeftover } from './leftover';
import type { GatewayPorts } from './ports';

/** The host name of an allocation, owned by it. */
export function dnsSteps({ store, zone, edgeIp }: GatewayPorts): Pick<GatewayActivities, 'registerDns' | 'removeDns'> {
  return {
    async registerDns({ allocationId }) {
      const allocation = await heldAllocation(store, allocationId);
      // A stop that is taken back; a start is `starting` here.
      if (allocation.state === 'stopping' && (await isLeftover(store, allocation))) return;
      const stillHeld = async (): Promise<void> => void (await heldAllocation(store, allocationId));
      await zone.register({ hostname: allocation.hostname, ip: edgeIp, owner: allocationId }, stillHeld);
    },

    async removeDns({ organizationId, allocationId, zone: zoneName }) {
      await zone.remove({ hostname: gatewayHostname(organizationId, zoneName), owner: allocationId });
    },
  };
}
