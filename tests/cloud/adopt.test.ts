import fc from 'fast-check';
import { isFailure } from '../../domain/failures';
import { MachineState, type Machine, type MachineSpec } from '../../domain/fleet/machine';
import { byPrecedence, createOrAdopt } from '../../drivers/cloud/adopt';
import { eventually } from '../support/eventually';
import { ForgetfulCloud, type Fate } from './forgetful-cloud';

const spec: MachineSpec = {
  tags: { owner: 'me', organizationId: 'o', gatewayId: 'g', replicaId: 'r', token: 't' },
  ...{ name: 'n', region: 'here', publicIp: false, userTags: {}, authorizedKey: '' },
  hostKey: { privateKey: '', publicKey: '' },
};

test('a first attempt makes one machine', async () => {
  const cloud = new ForgetfulCloud();
  const { machine, adopted, extras } = await createOrAdopt(cloud, spec, { repeated: false });
  expect({ id: machine.instanceId, adopted, extras }).toEqual({ id: 'i-0001', adopted: false, extras: [] });
});

test('an attempt after a crash adopts what the first one made, though reads show it late', async () => {
  const cloud = new ForgetfulCloud(400);
  await cloud.create(spec);
  expect(await cloud.find('me', 't')).toEqual([]);
  const { machine, adopted } = await createOrAdopt(cloud, spec, { repeated: true });
  expect({ id: machine.instanceId, adopted, creates: cloud.creates }).toEqual({
    id: 'i-0001',
    adopted: true,
    creates: 1,
  });
});

test('a lost answer whose machine is not shown yet is a failure to be repeated, not a second machine', async () => {
  const cloud = new ForgetfulCloud(400);
  cloud.fates = ['lost'];
  await expect(createOrAdopt(cloud, spec, { repeated: false })).rejects.toMatchObject({
    code: 'CLOUD_OUTCOME_UNKNOWN',
  });
  expect((await createOrAdopt(cloud, spec, { repeated: true })).machine.instanceId).toBe('i-0001');
  expect(cloud.creates).toBe(1);
});

test('what is refused is told as it is', async () => {
  const cloud = new ForgetfulCloud();
  cloud.fates = ['refused'];
  await expect(createOrAdopt(cloud, spec, { repeated: false })).rejects.toMatchObject({ code: 'CLOUD_CAPACITY' });
  expect(cloud.machines.size).toBe(0);
});

test('a machine on its way out is not used, and none is made in its place', async () => {
  const cloud = new ForgetfulCloud();
  const { instanceId } = await cloud.create(spec);
  cloud.set(instanceId, { state: MachineState.stopping });
  await expect(createOrAdopt(cloud, spec, { repeated: true })).rejects.toMatchObject({ code: 'MACHINE_GONE' });
  expect(cloud.creates).toBe(1);
});

test('where an extra cannot be destroyed nothing is used yet, and the next attempt destroys it', async () => {
  const cloud = new ForgetfulCloud();
  await cloud.create(spec);
  await cloud.create(spec);
  cloud.terminateFails = true;
  await expect(createOrAdopt(cloud, spec, { repeated: true })).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE' });
  expect(cloud.machines.size).toBe(2);
  expect(await createOrAdopt(cloud, spec, { repeated: true })).toMatchObject({ extras: ['i-0002'] });
  expect([...cloud.machines.keys()]).toEqual(['i-0001']);
});

test('the machine on record stays, whatever is older', async () => {
  const cloud = new ForgetfulCloud();
  await cloud.create(spec);
  await cloud.create(spec);
  const { machine } = await createOrAdopt(cloud, spec, { repeated: true, recorded: 'i-0002' });
  expect(machine.instanceId).toBe('i-0002');
  expect([...cloud.machines.keys()]).toEqual(['i-0002']);
});

test('machines of other tokens are left alone', async () => {
  const cloud = new ForgetfulCloud();
  await cloud.create({ ...spec, tags: { ...spec.tags, token: 'another' } });
  await createOrAdopt(cloud, spec, { repeated: true });
  expect(cloud.machines.size).toBe(2);
});

test('the rule picks the same machine in whatever order they are seen', () => {
  const machine = fc.record({
    instanceId: fc.string({ minLength: 1, maxLength: 3 }),
    state: fc.constantFrom(...Object.values(MachineState)),
    createdAt: fc.option(fc.integer({ min: 0, max: 3 }).map((second) => new Date(second * 1000))),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(machine, { minLength: 1, maxLength: 5, selector: ({ instanceId }) => instanceId }),
      fc.option(fc.string({ maxLength: 3 })),
      fc.integer(),
      (seen, recorded, seed) => {
        const machines = seen.map(
          (one) => ({ ...one, tags: {}, ssh: null, serves: null, region: '' }) satisfies Machine,
        );
        const shuffled = [...machines].sort((a, b) => hash(a.instanceId, seed) - hash(b.instanceId, seed));
        const pick = (list: Machine[]) => list.sort(byPrecedence(recorded))[0]!.instanceId;
        expect(pick(shuffled)).toBe(pick(machines));
      },
    ),
  );
});

test('whatever answers are lost and however attempts overlap, one machine is left in the end', async () => {
  const fates = fc.array(fc.constantFrom<Fate>('answered', 'lost', 'refused'), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fates, fc.integer({ min: 1, max: 4 }), fc.constantFrom(0, 20), async (given, attempts, lag) => {
      const cloud = new ForgetfulCloud(lag);
      cloud.fates = [...given];
      const attempt = async (repeated: boolean) => await createOrAdopt(cloud, spec, { repeated });
      const outcomes = await Promise.allSettled(Array.from({ length: attempts }, async () => await attempt(false)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') expect(isFailure(outcome.reason)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, lag));
      const last = await eventually(async () => await attempt(true));
      expect([...cloud.machines.keys()]).toEqual([last.machine.instanceId]);
    }),
    { numRuns: 60 },
  );
});

function hash(text: string, seed: number): number {
  return [...text].reduce((sum, character) => Math.imul(sum ^ character.charCodeAt(0), 16_777_619), seed) >>> 0;
}
