import type { GatewayStopped, StopGateway } from '../../domain/gateway/contract';
import { nothing, pointOfNoReturn } from '../saga/undo';
import { Saga } from '../saga/saga';
import { gatewayActivities } from './activities';
import { publishRemoval, publishRoute } from './edges';
import { untold } from './quarantine';

/** Takes an organization's gateway down: route first, slot last; until the replica is told, it can all be put back. */
export async function stopGateway(input: StopGateway): Promise<GatewayStopped> {
  const { organizationId, allocationId, zone, placements, policy } = input;
  const ref = { organizationId, allocationId, zone };
  const act = gatewayActivities(placements, policy);

  const definition = { kind: 'gateway.stop', organizationId, policy, placement: placements.store };
  return await Saga.run(definition, async (saga) => {
    const slot = await saga.step('begin', {
      do: () => act.store.beginStop(ref),
      undo: () => act.undo.abortStop(ref),
    });
    const route = await saga.step('route', {
      do: () => act.store.removeRoute(ref),
      undo: async () => void (await publishRoute(act, await act.undo.restoreRoute(ref))),
    });
    await saga.step('reload', {
      do: () => publishRemoval(act, route),
      undo: nothing('the undo of route publishes'),
    });
    await saga.step('dns', {
      do: () => act.dns.removeDns(ref),
      undo: () => act.undo.registerDns(ref),
    });
    const told = await saga.step('farewell', {
      do: () => act.handshake.releaseEpoch(ref),
      undo: pointOfNoReturn('a replica never serves an epoch again that it let go'),
    });
    await saga.step('release', {
      do: () => act.store.release({ ...ref, ...(told === 'unconfirmed' && untold) }),
      undo: nothing('the replica is free'),
    });
    return { allocationId, organizationId, hostname: slot.hostname };
  });
}
