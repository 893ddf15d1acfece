import type { Placements } from '../domain/gateway/contract';

/** Input of the bare workflow. */
export interface BareStart {
  readonly organizationId: string;
  readonly allocationId: string;
  readonly zone: string;
  readonly placements: Placements;
  readonly stepTimeoutMs: number;
  readonly edgeDeadlineMs: number;
}

/** The name of the bare workflow. */
export const bareStart = 'bareStart';
/** Its task queue, and that of the activities that any worker may run. */
export const bareQueue = 'bench';

/** The task queue of the publishing activities of an edge. */
export function bareEdgeQueue(edge: string): string {
  return `bench-edge-${edge}`;
}
