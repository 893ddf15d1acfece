import { randomUUID } from 'node:crypto';
import { MachineState } from '../../domain/fleet/machine';
import { createOrAdopt } from '../../drivers/cloud/adopt';
import { machineSpec, region } from './aws-support';
import { cloudContract, type CloudUnderTest } from './contract';
import { startMotoCloud, type MotoCloud } from './moto-cloud';

let moto: MotoCloud;
beforeAll(async () => (moto = await startMotoCloud()), 300_000);
afterAll(async () => await moto.close());

cloudContract('aws, on moto, which ignores client tokens', async (): Promise<CloudUnderTest> => {
  return await Promise.resolve({
    cloud: moto.cloud,
    region,
    // moto takes any instance type.
    refused: { region: { region: 'mars-north-1' } },
    loseCreateAnswer: () => moto.loseAnswers(1),
    answerWasLost: () => moto.answersLeftToLose() === 0,
    bootMs: 10_000,
    close: async () => await Promise.resolve(),
  });
});

describe('on a cloud that ignores client tokens', () => {
  const owner = `owner-${randomUUID()}`;

  test('a plain repetition makes a second machine: it is not the cloud that keeps us from it', async () => {
    const spec = machineSpec(owner);
    const first = await moto.cloud.create(spec);
    const second = await moto.cloud.create(spec);
    expect(second.instanceId).not.toBe(first.instanceId);
  });

  test('a creator that dies with its call is followed by one that adopts, however often', async () => {
    const spec = machineSpec(owner);
    const death = new Error('killed');
    const creator = new AbortController();
    moto.whenMade(() => creator.abort(death));
    await expect(createOrAdopt(moto.cloud, spec, { repeated: false, signal: creator.signal })).rejects.toBe(death);
    const adopted = [];
    for (let life = 2; life <= 4; life++) adopted.push(await createOrAdopt(moto.cloud, spec, { repeated: true }));
    const made = await moto.cloud.find(owner, spec.tags.token);
    expect(made).toHaveLength(1);
    for (const each of adopted)
      expect(each).toMatchObject({ adopted: true, extras: [], machine: { instanceId: made[0]!.instanceId } });
  });

  test('an extra that an abandoned attempt makes later is ended by the next look, the recorded one kept', async () => {
    const spec = machineSpec(owner);
    const { machine } = await createOrAdopt(moto.cloud, spec, { repeated: false });
    const late = await moto.cloud.create(spec);
    const settled = await createOrAdopt(moto.cloud, spec, { repeated: true, recorded: machine.instanceId });
    expect(settled).toMatchObject({ machine: { instanceId: machine.instanceId }, extras: [late.instanceId] });
    expect(await moto.cloud.get(late.instanceId)).toMatchObject({ state: MachineState.gone });
    expect(await moto.cloud.find(owner, spec.tags.token)).toHaveLength(1);
  });
});
