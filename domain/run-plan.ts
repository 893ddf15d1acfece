import { FleetWorkflow } from './fleet/contract';
import { provisionSteps, retireSteps, rolloutSteps } from './fleet/steps';
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

/** What is planned for a step of a kind of run; that of a rollout has one for each replica. */
export function plannedStep(kind: string, name: string): PlannedStep | undefined {
  const steps = kind === FleetWorkflow.rollout ? rolloutSteps : planOf(kind);
  return steps.find((step) => name === step.name || (steps === rolloutSteps && name.startsWith(`${step.name}-`)));
}
