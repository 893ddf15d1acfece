import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { SagaView } from '../../domain/saga';

/** What a person decides about a stuck step, and why. */
export interface Resolve {
  readonly step: string;
  readonly action: 'retry' | 'skip';
  readonly reason: string;
  readonly by: string;
}

/** The live view of a run. */
export const sagaQuery = defineQuery<SagaView>('saga');

/** `retry` or `skip` for a stuck step; refused with STATE_CONFLICT where nothing of that name is stuck. */
export const resolveUpdate = defineUpdate<SagaView, [Resolve]>('resolve');
