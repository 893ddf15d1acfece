import type { FleetGateway } from '../../domain/fleet/gateway';
import type { FleetEvents } from '../../prisma/fleet-store';

/** Events of gateways themselves that are looked through: a state changes a few times in a gateway's life. */
const LOOK = 500;

/** Since when gateways of one organization are in their present states, as their events tell; by id. */
export async function statesSince(
  events: FleetEvents,
  gateways: readonly FleetGateway[],
): Promise<ReadonlyMap<string, Date>> {
  const since = new Map<string, Date>();
  const [first] = gateways;
  if (!first) return since;
  const { organizationId } = first;
  const ids = gateways.map(({ id }) => id);
  for (const event of await events.page({ organizationId, gateways: ids, descending: true, limit: LOOK }))
    if (event.message.startsWith('Gateway status changed') && !since.has(event.gatewayId))
      since.set(event.gatewayId, event.recordedAt);
  for (const { id, createdAt } of gateways) if (!since.has(id)) since.set(id, createdAt);
  return since;
}
