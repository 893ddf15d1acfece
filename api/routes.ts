import type { Deps } from './deps';
import { documentOf } from './openapi-document';
import type { Route } from './route';
import { allocationRoutes } from './routes/allocations';
import { attentionRoutes } from './routes/attention';
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
