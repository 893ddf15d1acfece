import type { DeployActivities } from './activities';
import { checkSteps } from './check';
import { copySteps } from './copy';
import { noteSteps } from './notes';
import { ownSteps } from './own-steps';
import type { DeployPorts } from './ports';
import { queueSteps } from './queue';
import { rolloutSteps } from './rollout';
import { swapSteps } from './swap';
import { tellingSteps } from './telling';

/** The steps of deploy requests over what they act on. */
export function deploySteps(ports: DeployPorts): DeployActivities {
  const work = tellingSteps(ports, { ...copySteps(ports), ...swapSteps(ports), ...ownSteps(ports) });
  return { ...noteSteps(ports), ...checkSteps(ports), ...queueSteps(ports), ...rolloutSteps(ports), ...work };
}
