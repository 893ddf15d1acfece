import { defaultPayloadConverter, type WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { countingInterceptors } from './history';
import { currentStep, stepHeader, type StepContext } from './context';

/** Counts what becomes of a history, and puts the step that schedules an activity into its header (for the journal) and its summary (for Temporal's Web UI). */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: countingInterceptors.inbound,
  outbound: [
    ...countingInterceptors.outbound,
    {
      scheduleActivity: (input, next) => next(inCurrentStep(input)),
      scheduleLocalActivity: (input, next) => next(inCurrentStep(input)),
    },
  ],
});

interface Scheduled {
  readonly headers: Record<string, unknown>;
  readonly options: { readonly summary?: string };
}

function inCurrentStep<I extends Scheduled>(input: I): I {
  const context = currentStep();
  if (!context) return input;
  return {
    ...input,
    headers: { ...input.headers, [stepHeader]: defaultPayloadConverter.toPayload(context) },
    options: { ...input.options, summary: input.options.summary ?? summary(context) },
  };
}

function summary({ step, phase }: StepContext): string {
  return phase === 'do' ? step : `undo of ${step}`;
}
