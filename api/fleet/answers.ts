import type { FleetGateway } from '../../domain/fleet/gateway';
import type { Deps } from '../deps';
import type { Answer } from '../route';
import type { GatewayWithReplicas } from './asked';
import { conditionsOf } from './conditions';
import { statesSince } from './state-since';
import { gatewayView } from './views';

/** Gateways of one organization as the API shows them. */
export async function gatewayViews(
  { store, fleet }: Deps,
  gateways: readonly GatewayWithReplicas[],
): Promise<Record<string, unknown>[]> {
  const since = await statesSince(
    store.fleet.events,
    gateways.map(({ gateway }) => gateway),
  );
  return gateways.map((each) => {
    const facts = { stateSince: since.get(each.gateway.id)!, policy: fleet.policy };
    return gatewayView(each, conditionsOf(each.gateway, each.replicas, facts));
  });
}

/** Answers with a gateway as it is after a command. */
export async function gatewayAnswer(deps: Deps, gateway: FleetGateway, status: 200 | 202): Promise<Answer> {
  const [body] = await gatewayViews(deps, [await deps.fleet.withReplicas(gateway)]);
  const { organizationId, name, resourceVersion } = gateway;
  const location = { Location: `/v1/organizations/${organizationId}/gateways/${name}` };
  return { status, body, headers: { ETag: `"${resourceVersion}"`, ...(status === 202 && location) } };
}
