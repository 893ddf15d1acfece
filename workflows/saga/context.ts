import { AsyncLocalStorage } from '@temporalio/workflow';
import type { Phase } from '../../domain/journal';

/** Which step of which run an activity belongs to; travels to the worker's journal in a header. */
export interface StepContext {
  readonly kind: string;
  readonly organizationId: string;
  readonly step: string;
  readonly phase: Phase;
}

/** Name of the header that carries a {@link StepContext}. */
export const stepHeader = 'gatewright-step';

const storage = new AsyncLocalStorage<StepContext>();

/** Runs `work` so that every activity it schedules is known to belong to this step. */
export function inStep<T>(context: StepContext, work: () => Promise<T>): Promise<T> {
  return storage.run(context, work);
}

/** The step that is being run, if any. */
export function currentStep(): StepContext | undefined {
  return storage.getStore();
}
