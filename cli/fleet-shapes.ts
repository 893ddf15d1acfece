import type { z } from 'zod';
import type {
  fleetEventSchema,
  gatewayReplicaSchema,
  gatewaySchema,
  planSchema,
  profileSchema,
} from '../api/fleet/schemas';
import type { sweepReportSchema } from '../api/routes/fleet-sweep';
import type { Page } from './shapes';

/* What the API answers with about gateways and their replicas, as its routes declare it. */

export type FleetGatewayJson = z.infer<typeof gatewaySchema>;
export type FleetReplicaJson = z.infer<typeof gatewayReplicaSchema>;
export type FleetPlanJson = z.infer<typeof planSchema>;
export type FleetEventJson = z.infer<typeof fleetEventSchema>;
export type ProfileJson = z.infer<typeof profileSchema>;
export type SweepReportJson = z.infer<typeof sweepReportSchema>;

export interface FleetEventPage extends Page {
  readonly events: readonly FleetEventJson[];
}
