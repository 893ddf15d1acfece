import { FleetWorkflow } from './fleet/contract';
import { provisionSteps, retireSteps } from './fleet/steps';
import { RunKind } from './gateway/contract';
import { moveSteps, startSteps, stopSteps } from './gateway/steps';
import type { PlannedStep } from './planned-step';

const plans: Readonly<Record<string, readonly PlannedStep[]>> = {
  [RunKind.start]: startSteps,
  [RunKind.stop]: stopSteps,
  [RunKind.move]: moveSteps,
  [FleetWorkflow.provision]: provisionSteps,
  [FleetWorkflow.retire]: retireSteps,
};

/** The steps of a kind of run; none where the kind has no plan. */
export function planOf(kind: string): readonly PlannedStep[] {
  return Object.hasOwn(plans, kind) ? plans[kind]! : [];
}
