import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import type { Phase } from '../../domain/journal';

/** What the workflow's interceptor says of an activity (workflows/saga/context.ts). */
export interface StepHeader {
  readonly kind: string;
  readonly organizationId: string;
  readonly step: string;
  readonly phase: Phase;
}

/** Reads the step that an activity belongs to; undefined for activities outside steps, as the run's own records. */
export function readStepHeader(headers: Headers): StepHeader | undefined {
  const payload = headers['gatewright-step'];
  return payload ? defaultPayloadConverter.fromPayload<StepHeader>(payload) : undefined;
}
