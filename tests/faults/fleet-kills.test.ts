import { Random, seed } from '../support/random';
import { moto, strictDouble } from './fleet/ec2';
import { clean, type Audit } from './fleet/kill';
import { podman } from './fleet/podman';
import { everyPoint, lateCalls, randomRound } from './fleet/rounds';
import { CrashRig, type OpenCloud } from './fleet/rig';

/*
 * kill -9 of the worker before and after everything that making and retiring a replica changes. One kill strikes many
 * replicas, each at a point of its own, where it is held until all are. Whatever was killed, what the cloud lists as ours
 * is what the store says. `KILLS=all` kills at random, too, and everywhere with every cloud; `npm run bench fleet -- --only
 * kills` does much more of it.
 */

jest.setTimeout(180_000);

const all = process.env['KILLS'] === 'all';

const clouds: [string, OpenCloud][] = [
  ['EC2 (strict double)', (gate) => strictDouble(gate, 500)],
  ['docker (podman)', (gate) => podman(gate)],
];
const allClean: { running: Audit; deleted: Audit } = { running: clean, deleted: clean };

describe.each(clouds)('kill -9 of the worker, machines from %s', (_, open) => {
  let rig: CrashRig;
  beforeAll(async () => {
    rig = await CrashRig.start(open);
    await rig.startWorker();
  });
  afterAll(() => rig.close());

  /** podman breaks one of many new containers now and then, which is removed and made anew. */
  const isRight = (made: readonly number[]): boolean =>
    made.every((machines) => machines === 1 || (rig.cloud.settings.backend === 'docker' && machines > 1));

  test('at every point: nothing is leaked, nothing is there twice, no script runs again', async () => {
    // What happens on machines and in the store is the same whoever makes the machines.
    const { audits, made } = await everyPoint(rig, { ofCloudAlone: !all && rig.cloud.settings.backend === 'docker' });
    expect(audits).toEqual(allClean);
    expect([made, isRight(made)]).toEqual([made, true]);
  });

  test('while a call that makes a machine is under way and arrives late: it makes no other one', async () => {
    expect(await lateCalls(rig, 2)).toEqual({ late: 0, audit: clean });
  });

  if (all)
    test(`at random, seed ${seed}`, async () => {
      const { audits, made } = await randomRound(rig, new Random(seed));
      expect(audits).toEqual(allClean);
      expect([made, isRight(made)]).toEqual([made, true]);
    });
});

describe('kill -9 of the worker, machines from a cloud that ignores client tokens (moto)', () => {
  test('a call that arrives late makes another machine, which the next sweep ends', async () => {
    const rig = await CrashRig.start((gate, directory) => moto(gate, `${directory}/moto.log`));
    try {
      await rig.startWorker();
      expect(await lateCalls(rig, 2)).toEqual({ late: 2, audit: clean });
    } finally {
      await rig.close();
    }
  });
});
