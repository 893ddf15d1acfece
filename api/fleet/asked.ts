import type { FleetGateway, FleetReplica, GatewayConfiguration, ProfileRevision } from '../../domain/fleet/gateway';
import type { GatewayPlan } from '../../domain/fleet/plan';

/** Whose gateways, and who asks. */
export interface Asking {
  readonly organizationId: string;
  /** As events name it. */
  readonly actor: string;
}

/** What applying would do, and to what. */
export interface Planned extends GatewayPlan {
  readonly configuration: GatewayConfiguration;
  readonly profile: ProfileRevision;
  readonly current: FleetGateway | null;
}

/** What an apply did. */
export interface Applied {
  readonly gateway: FleetGateway;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** Whether machines have to be made, configured or destroyed for it. */
  readonly takesTime: boolean;
}

/** How an apply is meant. */
export interface Manner {
  /** Whether the gateway keeps the profile and the revision that it has, whatever the configuration says. */
  readonly keepProfile?: boolean;
  /** Checked before anything else. @throws Failure */
  readonly before?: (current: FleetGateway | null) => void;
  /** Checked only where the apply would change a gateway that is there. @throws Failure */
  readonly change?: (current: FleetGateway) => void;
}

/** A gateway and its replicas, read one after the other. */
export interface GatewayWithReplicas {
  readonly gateway: FleetGateway;
  readonly replicas: readonly FleetReplica[];
}
