import { RunKind, type GatewayMoved, type MoveGateway } from '../../domain/gateway/contract';
import { nothing, pointOfNoReturn } from '../saga/undo';
import { Saga } from '../saga/saga';
import { gatewayActivities } from './activities';
import { publishRemoval, publishRoute } from './edges';
import { pointedAtBy, quarantine, untold } from './quarantine';

/** Nobody waits for a move, and each of its attempts is to be seen. */
const placements = { store: 'regular', dns: 'regular', handshake: 'regular' } as const;

/** Has another replica serve an organization, which keeps its name and its allocation: the new one first, the old one last. */
export async function moveGateway(input: MoveGateway): Promise<GatewayMoved> {
  const { organizationId, allocationId, moveId, from, policy } = input;
  const ref = { organizationId, allocationId, moveId, from };
  const act = gatewayActivities(placements, policy);
  let letGo = true; // whether the replica that is given back said that it let the epoch go

  const definition = { kind: RunKind.move, organizationId, policy, placement: placements.store };
  return await Saga.run(definition, async (saga) => {
    const slot = await saga.step('reserve', {
      do: () => act.store.reserve(ref),
      undo: (_, rollback) => act.undo.unreserve({ ...ref, ...quarantine(rollback, letGo) }),
    });
    // Both serve the host name from here on, so that it does not matter which edge leads to which of them.
    await saga.step('handshake', {
      do: () => act.handshake.greet(ref),
      undo: async () => void (letGo = (await act.undo.letGo(ref)) === 'released'),
    });
    await saga.step('dns', {
      do: () => act.dns.confirmDns(ref),
      undo: nothing('the host name leads to the edges, wherever the allocation is'),
    });
    const route = await saga.step('route', {
      do: () => act.store.exchange(ref),
      undo: async () => publishRemoval(act, await act.undo.giveBack(ref)),
    });
    const behind = await saga.step('reload', {
      do: () => publishRoute(act, route),
      undo: nothing('the undo of route publishes'),
    });
    const told = await saga.step('farewell', {
      do: () => act.handshake.letGo(ref),
      undo: pointOfNoReturn('a replica never serves an epoch again that it let go'),
    });
    await saga.step('release', {
      do: () => act.store.unreserve({ ...ref, ...(told === 'unconfirmed' ? untold : pointedAtBy(behind)) }),
      undo: nothing('the old replica is free'),
    });
    const { replicaId, epoch, address } = slot;
    return { allocationId, replicaId, epoch, address };
  });
}
