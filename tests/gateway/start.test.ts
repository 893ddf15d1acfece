import type { WorkflowHandle } from '@temporalio/client';
import type { GatewayStarted } from '../../domain/gateway/contract';
import { resolveA } from '../../drivers/dns/resolve';
import { Faults } from '../support/faults';
import { beginStart, beginStop } from '../support/runs';
import { sagaHolds } from '../support/saga-holds';
import { get } from '../support/http';
import { World } from '../support/world';

const faults = new Faults();
let world: World;

beforeAll(async () => {
  world = await World.start({ agents: 2 });
  await world.startWorker([() => ({ inbound: faults })]);
}, 120_000);
afterAll(() => world.close());

jest.setTimeout(60_000);

sagaHolds({
  name: 'gateway.start',
  steps: [
    { name: 'allocate', undo: true },
    { name: 'dns', undo: true },
    { name: 'route', undo: true },
    { name: 'reload', undo: false },
    { name: 'handshake', undo: true, quarantines: true },
  ],
  world: () => world,
  faults: () => faults,
  begin: (policy) => beginStart(world, policy && { policy }),
  async succeeded(handle: WorkflowHandle) {
    const started = (await handle.result()) as GatewayStarted;
    for (const edge of world.settings.edges) {
      const { status, body } = await get(edge.httpAddress, '/hello', started.hostname);
      expect(status).toBe(200);
      expect(JSON.parse(body)).toMatchObject({
        allocation_id: started.allocationId,
        organization_id: started.organizationId,
        replica_id: started.replicaId,
        epoch: started.epoch,
      });
    }
    expect(await resolveA(world.settings.zone.dnsAddress, started.hostname)).toEqual([world.settings.edgeIp]);
    faults.arm();
    await (await beginStop(world, started)).result();
    for (const edge of world.settings.edges)
      expect((await get(edge.httpAddress, '/', started.hostname)).status).toBe(421);
  },
  tidy: readmitAll,
});

/** Puts replicas that failed a handshake on purpose back into the pool, as an operator does. */
async function readmitAll(): Promise<void> {
  for (const replica of await world.store.pool.replicas())
    if (replica.quarantinedAt && !replica.allocationId) await world.store.pool.readmit(replica.id);
}
