import type { DeployActivities } from './activities';
import { checkSteps } from './check';
import { copySteps } from './copy';
import { noteSteps } from './notes';
import type { DeployPorts } from './ports';
import { queueSteps } from './queue';
import { swapSteps } from './swap';

/** The steps of deploy requests over what they act on. */
export function deploySteps(ports: DeployPorts): DeployActivities {
  return { ...noteSteps(ports), ...checkSteps(ports), ...queueSteps(ports), ...copySteps(ports), ...swapSteps(ports) };
}
