import { randomUUID } from 'node:crypto';
import { isFailure } from '../../domain/failures';
import { type Machine, type MachineSpec } from '../../domain/fleet/machine';
import { createOrAdopt } from '../../drivers/cloud/adopt';
import { AwsCloud } from '../../drivers/cloud/aws/ec2';
import { Random, seed } from '../support/random';
import { awsOnDouble, awsSettings, machineSpec } from './aws-support';
import type { DoubleFault } from './ec2-double/server';
import { ManualClock } from './ec2-double/state';

const owner = `owner-${randomUUID()}`;
const LAG_MS = 5_000;

const losses: readonly DoubleFault[] = [
  { kind: 'drop', after: true },
  { kind: 'html', status: 503, after: true },
  { kind: 'truncated' },
  { kind: 'drop', after: false },
];

async function laggingDouble(behaviour = {}, readLagMs = LAG_MS) {
  const clock = new ManualClock();
  const on = await awsOnDouble({ now: clock.now, lagMs: LAG_MS, flapping: true, ...behaviour }, { readLagMs });
  return { ...on, clock };
}

/** Tries until a machine is there, as a step that is retried; `between` is what passes between two tries. */
async function untilMade(cloud: AwsCloud, spec: MachineSpec, between: () => void): Promise<Machine> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await createOrAdopt(cloud, spec, { repeated: attempt > 1 })).machine;
    } catch (error) {
      if (!isFailure(error) || !error.retryable || attempt > 200) throw error;
      between();
    }
  }
}

describe('creates whose answers are lost, on reads that lag by up to 5 s', () => {
  test.each([
    ['is made known by its token while no read shows it', 0],
    ['is found once reads show it', LAG_MS + 1],
  ])('make one machine, which %s', async (_, passed) => {
    const { double, cloud, clock, close } = await laggingDouble();
    const spec = machineSpec(owner);
    for (const fault of losses) {
      double.fail('RunInstances', fault);
      // Time stands still: no read shows what was made.
      const error = await createOrAdopt(cloud, spec, { repeated: true }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN', retryable: true });
    }
    expect(double.faultsLeft).toBe(0);
    expect(double.account.all()).toHaveLength(1);
    expect(await cloud.find(owner, spec.tags.token)).toEqual([]);
    clock.advance(passed);
    const { machine } = await createOrAdopt(cloud, spec, { repeated: true });
    expect(double.account.all().map(({ instanceId }) => machine.instanceId.endsWith(instanceId))).toEqual([true]);
    await close();
  });

  test('make one machine also where tokens are ignored: the creator waits until reads must show it', async () => {
    // In the machine's own time, as the creator waits in it.
    const { double, close } = await awsOnDouble({ lagMs: 300, clientTokens: false });
    const patient = new AwsCloud(awsSettings(double.endpoint, { clientToken: false, readLagMs: 400 }));
    for (let round = 0; round < 5; round++) {
      const spec = machineSpec(owner);
      double.fail('RunInstances', { kind: 'drop', after: true });
      await untilMade(patient, spec, () => undefined);
      expect(double.faultsLeft).toBe(0);
      expect(double.account.all().filter(({ token }) => token === spec.tags.token)).toHaveLength(1);
    }
    await patient.close();
    await close();
  });
});

describe('a machine that reads do not show yet', () => {
  test('is destroyed by the process that made it', async () => {
    const { double, cloud, close } = await laggingDouble();
    const { instanceId } = await cloud.create(machineSpec(owner));
    expect(await cloud.get(instanceId)).toBeNull();
    await expect(cloud.terminate('another-owner', instanceId)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await cloud.terminate(owner, instanceId);
    expect(double.present()).toEqual([]);
    await close();
  });

  test('is left alone by another, which has to ask again after the lag', async () => {
    const { double, cloud, clock, close } = await laggingDouble();
    const { instanceId } = await cloud.create(machineSpec(owner));
    const restarted = new AwsCloud(awsSettings(double.endpoint));
    await restarted.terminate(owner, instanceId);
    expect(double.present()).toHaveLength(1);
    clock.advance(LAG_MS + 1);
    await restarted.terminate(owner, instanceId);
    expect(double.present()).toEqual([]);
    await restarted.close();
    await close();
  });
});

describe('whole lives with a fault in every third call', () => {
  test.each(Array.from({ length: 12 }, (_, round) => seed * 1_000 + round))(
    'leave one machine while wanted and none after (seed %i)',
    async (from) => {
      const random = new Random(from);
      const { double, cloud, clock, close } = await laggingDouble({ seed: from, bootMs: 2_000, shutdownMs: 2_000 });
      const spec = machineSpec(owner);
      const faults = [...losses, { kind: 'error', code: 'RequestLimitExceeded', status: 503 }] as const;
      const pass = (): void => {
        clock.advance(random.between(0, 3_000));
        if (random.next() < 0.3) double.fail(random.pick(actions), random.pick(faults));
      };
      const actions = ['RunInstances', 'DescribeInstances', 'TerminateInstances', 'DescribeSecurityGroups'];
      double.fail('RunInstances', random.pick(losses));
      const { instanceId } = await untilMade(cloud, spec, pass);
      expect(double.present().map((instance) => instanceId.endsWith(instance.instanceId))).toEqual([true]);
      // A new process takes it down: it asks until nothing was seen for longer than reads may lag.
      const restarted = new AwsCloud(awsSettings(double.endpoint));
      let lastSeen = clock.now();
      while (clock.now() - lastSeen <= LAG_MS) {
        pass();
        await restarted
          .find(owner, spec.tags.token)
          .then(
            async (machines) => {
              if (machines.length > 0) lastSeen = clock.now();
              for (const machine of machines) await restarted.terminate(owner, machine.instanceId);
            },
            (error: unknown) => {
              if (!isFailure(error) || !error.retryable) throw error;
              lastSeen = clock.now();
            },
          )
          .catch((error: unknown) => {
            if (!isFailure(error) || !error.retryable) throw error;
          });
      }
      expect(double.present()).toEqual([]);
      expect(double.account.all()).toHaveLength(1);
      await restarted.close();
      await close();
    },
  );
});
