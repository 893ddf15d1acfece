import type { GatewayActivities } from './activities';
import { allocationSteps } from './allocation';
import { dnsSteps } from './dns';
import { edgeSteps } from './edge';
import { handshakeSteps } from './handshake';
import { moveSteps } from './move';
import type { GatewayPorts } from './ports';
import { routeSteps } from './route';

/** The activities of gateway runs over the given ports. */
export function gatewaySteps(ports: GatewayPorts): GatewayActivities {
  return {
    ...allocationSteps(ports),
    ...dnsSteps(ports),
    ...routeSteps(ports),
    ...edgeSteps(ports),
    ...handshakeSteps(ports),
    ...moveSteps(ports),
  };
}
