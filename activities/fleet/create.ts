import type { FleetActivities } from './activities';
import { configureSteps } from './configure';
import { drainSteps } from './drain';
import { gatewaySteps } from './gateway';
import { machineSteps } from './machine';
import { poolSteps } from './pool';
import type { FleetPorts } from './ports';
import { prepareSteps } from './prepare';
import { rolloutSteps } from './rollout';
import { sweepSteps } from './sweep';
import { watchSteps } from './watch';

/** The activities of the fleet over the given ports. */
export function fleetSteps(ports: FleetPorts): FleetActivities {
  return {
    ...gatewaySteps(ports),
    ...prepareSteps(ports),
    ...machineSteps(ports),
    ...configureSteps(ports),
    ...poolSteps(ports),
    ...drainSteps(ports),
    ...watchSteps(ports),
    ...rolloutSteps(ports),
    ...sweepSteps(ports),
  };
}
