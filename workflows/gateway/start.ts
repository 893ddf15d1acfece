import type { GatewayStarted, StartGateway } from '../../domain/gateway/contract';
import { nothing } from '../saga/undo';
import { Saga } from '../saga/saga';
import { gatewayActivities } from './activities';
import { publishRemoval, publishRoute } from './edges';
import { quarantine } from './quarantine';

/** Gives an organization a gateway: a replica, a name, a route, and the replica's word that it is there. */
export async function startGateway(input: StartGateway): Promise<GatewayStarted> {
  const { organizationId, allocationId, zone, placements, policy } = input;
  const ref = { organizationId, allocationId, zone };
  const act = gatewayActivities(placements, policy);
  let letGo = true; // whether the replica said that it let the epoch go

  const definition = { kind: 'gateway.start', organizationId, policy, placement: placements.store };
  return await Saga.run(definition, async (saga) => {
    // First in, last out: a freed replica with a live route would serve another organization's traffic.
    const slot = await saga.step('allocate', {
      do: () => act.store.allocate(ref),
      undo: (_, rollback) => act.undo.release({ ...ref, ...quarantine(rollback, letGo) }),
    });
    await saga.step('dns', {
      do: () => act.dns.registerDns(ref),
      undo: () => act.undo.removeDns(ref),
    });
    const route = await saga.step('route', {
      do: () => act.store.writeRoute(ref),
      undo: async () => publishRemoval(act, await act.undo.removeRoute(ref)),
    });
    await saga.step('reload', {
      do: async () => void (await publishRoute(act, route)),
      undo: nothing('the undo of route publishes'),
    });
    await saga.step('handshake', {
      do: () => act.handshake.handshake(ref),
      undo: async () => void (letGo = (await act.undo.releaseEpoch(ref)) === 'released'),
    });
    return { allocationId, organizationId, ...slot };
  });
}
