import type { FleetGateway, ProfileRevision } from '../../domain/fleet/gateway';
import type { RolloutKey } from '../../prisma/rollout-store';
import type { Store } from '../../prisma/store';
import { configuration, fleetOn, organizationId, profile } from './fleet-world';
import { failureOf, onBoth } from './on-both';

/* What the store keeps of changes of gateways' profiles. */

const web = (revision: number): ProfileRevision => ({ name: 'web', revision });
const key = (gateway: FleetGateway, number: number): RolloutKey => ({
  ...{ organizationId, gatewayId: gateway.id, number, run: `rollout ${number}` },
});

async function apply(store: Store, gateway: FleetGateway, to: ProfileRevision): Promise<FleetGateway> {
  const change = { configuration: configuration({ profile: to.name, replicas: 2 }), profile: to };
  return await store.fleet.gateways.update(organizationId, gateway.id, change, { actor: 'ada' });
}

const free = async (store: Store): Promise<string[]> =>
  (await store.pool.replicas()).filter(({ withdrawnAt }) => withdrawnAt === null).map(({ id }) => id);

onBoth('rollouts', (databases) => {
  const running = async (store: Store) => {
    const world = fleetOn(store);
    const gateway = await world.running({ replicas: 2 });
    return { world, gateway, replicas: await world.replicas(gateway) };
  };

  test('each change of the profile is one, with what was settled last as its way back', async () => {
    const store = await databases.store();
    const { gateway } = await running(store);
    expect(gateway.rollout).toBeNull();
    expect(await apply(store, gateway, web(1))).toMatchObject({
      profile: web(1),
      rollout: { number: 1, from: profile },
    });
    expect((await apply(store, gateway, web(1))).rollout).toEqual({ number: 1, from: profile }); // nothing new
    expect(await apply(store, gateway, web(2))).toMatchObject({
      profile: web(2),
      rollout: { number: 2, from: profile },
    });
    await store.fleet.rollouts.settle(key(gateway, 1)); // overtaken: the second is still to be done
    expect((await store.fleet.gateways.get(organizationId, gateway.id))!.rollout).toEqual({ number: 2, from: profile });
    await store.fleet.rollouts.settle(key(gateway, 2));
    await store.fleet.rollouts.settle(key(gateway, 1)); // late
    expect((await store.fleet.gateways.get(organizationId, gateway.id))!.rollout).toBeNull();
    expect((await apply(store, gateway, web(3))).rollout).toEqual({ number: 3, from: web(2) });
  });

  test('the last change can be taken back, one that was overtaken cannot', async () => {
    const store = await databases.store();
    const { world, gateway } = await running(store);
    const { rollouts } = store.fleet;
    await apply(store, gateway, web(1));
    await apply(store, gateway, web(2));
    expect(await rollouts.takeBack(key(gateway, 1))).toBe(false);
    expect(await rollouts.takeBack(key(gateway, 2))).toBe(true);
    const back = (await store.fleet.gateways.get(organizationId, gateway.id))!;
    expect(back).toMatchObject({ profile, configuration: { profile: null } });
    expect(await rollouts.takeBack(key(gateway, 2))).toBe(true);
    expect(await store.fleet.gateways.get(organizationId, gateway.id)).toEqual(back); // a repeat changes nothing
    expect((await world.messages(gateway)).filter((text) => text.includes('taken back'))).toEqual([
      'Profile web:2 taken back: default:1 holds again (run rollout 2)',
    ]);
  });

  test('a replica that is configured is given to nobody, and by one run at a time', async () => {
    const store = await databases.store();
    const { gateway, replicas } = await running(store);
    const { rollouts } = store.fleet;
    const [one, other] = replicas.map(({ id }) => id) as [string, string];
    expect(await rollouts.hold(key(gateway, 1), one)).toBe(true);
    expect(await rollouts.hold(key(gateway, 1), one)).toBe(true);
    expect(await failureOf(rollouts.hold(key(gateway, 2), one))).toMatchObject({ code: 'CONFLICT', retryable: true });
    expect(await free(store)).toEqual([other]);
    expect((await rollouts.settle(key(gateway, 1))).map(({ id }) => id)).toEqual([one]);
    await rollouts.letGo(key(gateway, 2), one); // not its own
    expect(await free(store)).toEqual([other]);
    await rollouts.letGo(key(gateway, 1), one);
    expect((await free(store)).sort()).toEqual([one, other].sort());
    expect(await rollouts.hold(key(gateway, 2), one)).toBe(true);
  });

  test('one that is to go does not come back into the pool by being let go', async () => {
    const store = await databases.store();
    const { gateway, replicas } = await running(store);
    const { rollouts } = store.fleet;
    const [one, other] = replicas.map(({ id }) => id) as [string, string];
    await rollouts.hold(key(gateway, 1), one);
    await store.fleet.replicas.move(organizationId, one, 'retire');
    await rollouts.letGo(key(gateway, 1), one);
    expect(await free(store)).toEqual([other]);
    expect(await rollouts.hold(key(gateway, 1), one)).toBe(false);
    await rollouts.hold(key(gateway, 1), other);
    await store.fleet.gateways.markForDeletion(organizationId, gateway.id, { actor: null });
    await rollouts.letGo(key(gateway, 1), other);
    expect(await free(store)).toEqual([]);
  });
});
