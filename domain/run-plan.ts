import { DeployWorkflow } from './deploy/contract';
import * as deploy from './deploy/steps';
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
  [DeployWorkflow.request]: deploy.requestSteps,
  [DeployWorkflow.operation]: deploy.operationSteps,
  [DeployWorkflow.createDatabase]: deploy.createDatabaseSteps,
  [DeployWorkflow.deleteDatabase]: deploy.deleteDatabaseSteps,
  [DeployWorkflow.createBranch]: deploy.createBranchSteps,
  [DeployWorkflow.deleteBranch]: deploy.deleteBranchSteps,
  [DeployWorkflow.password]: deploy.passwordSteps,
};

/** The steps of a kind of run; none where the kind has no plan. */
export function planOf(kind: string): readonly PlannedStep[] {
  return Object.hasOwn(plans, kind) ? plans[kind]! : [];
}

/** What is planned for a step of a kind of run; what is done several times has a number, or several, behind its name. */
export function plannedStep(kind: string, name: string): PlannedStep | undefined {
  const steps = kind === FleetWorkflow.rollout ? rolloutSteps : planOf(kind);
  return steps.find((step) => name === step.name) ?? steps.find((step) => name.replace(/(-\d+)+$/, '') === step.name);
}
