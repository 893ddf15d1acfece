import type { Deps } from './deps';
import { documentOf } from './openapi-document';
import type { Route } from './route';
import { allocationRoutes } from './routes/allocations';
import { applyControlRoutes } from './routes/apply-control';
import { applyEventRoutes } from './routes/apply-events';
import { applyLogRoutes } from './routes/apply-logs';
import { applyPlanRoutes } from './routes/apply-plan';
import { applyRoutes } from './routes/applies';
import { attentionRoutes } from './routes/attention';
import { deploymentRoutes } from './routes/deployments';
import { documentationRoutes } from './routes/documentation';
import { eventRoutes } from './routes/events';
import { fleetEventRoutes } from './routes/fleet-events';
import { fleetGatewayRoutes } from './routes/fleet-gateways';
import { fleetProfileRoutes } from './routes/fleet-profiles';
import { fleetReplicaRoutes } from './routes/fleet-replicas';
import { fleetSweepRoutes } from './routes/fleet-sweep';
import { gatewayRoutes } from './routes/gateway';
import { healthRoutes } from './routes/health';
import { poolRoutes } from './routes/pool';
import { runRoutes } from './routes/runs';
import { schemaLockRoutes } from './routes/schema-locks';
import { tokenRoutes } from './routes/tokens';
import { webhookRoutes } from './routes/webhooks';

/** Every route of the API, by resource: what is served is exactly what `/openapi.json` shows. */
export function routes(deps: Deps): readonly Route[] {
  const all: Route[] = [
    ...gatewayRoutes(deps),
    ...allocationRoutes(deps),
    ...poolRoutes(deps),
    ...fleetGatewayRoutes(deps),
    ...fleetReplicaRoutes(deps),
    ...fleetEventRoutes(deps),
    ...fleetProfileRoutes(deps),
    ...fleetSweepRoutes(deps),
    ...deploymentRoutes(deps),
    ...applyPlanRoutes(deps),
    ...applyRoutes(deps),
    ...applyControlRoutes(deps),
    ...applyLogRoutes(deps),
    ...applyEventRoutes(deps),
    ...schemaLockRoutes(deps),
    ...runRoutes(deps),
    ...eventRoutes(deps),
    ...attentionRoutes(deps),
    ...webhookRoutes(deps),
    ...tokenRoutes(deps),
    ...healthRoutes(deps),
    ...documentationRoutes(() => documentOf(all.map(({ declaration }) => declaration))),
  ];
  return all;
}
