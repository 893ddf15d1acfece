import {
  CreateSecurityGroupCommand,
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  StartInstancesCommand,
  TerminateInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { catalogues, region, useCredentials } from './aws-support';
import { doubleCredentials, Ec2Double } from './ec2-double/server';
import { ManualClock } from './ec2-double/state';

const HOUR_MS = 3_600_000;
const clock = new ManualClock();
let double: Ec2Double;
let ec2: EC2Client;

beforeEach(async () => {
  useCredentials(doubleCredentials);
  double = await Ec2Double.start(catalogues, { now: clock.now, bootMs: 1_000, shutdownMs: 1_000 });
  ec2 = new EC2Client({ region, endpoint: double.endpoint, maxAttempts: 1 });
});
afterEach(async () => {
  ec2.destroy();
  await double.stop();
});

const request = (over: Partial<RunInstancesCommandInput> = {}): RunInstancesCommandInput => ({
  ImageId: catalogues[region].images[0]!,
  InstanceType: 't3.micro',
  MinCount: 1,
  MaxCount: 1,
  NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: catalogues[region].subnets[0]!.subnetId }],
  ...over,
});
const run = async (over: Partial<RunInstancesCommandInput> = {}): Promise<string> =>
  (await ec2.send(new RunInstancesCommand(request(over)))).Instances![0]!.InstanceId!;
const state = async (id: string): Promise<string | undefined> => {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations![0]!.Instances![0]!.State!.Name;
};

// AWS: "Ensuring idempotency in Amazon EC2 API requests".
test('a client token makes one instance, until a day after that has ended', async () => {
  const id = await run({ ClientToken: 'token' });
  expect(await run({ ClientToken: 'token' })).toBe(id);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  clock.advance(24 * HOUR_MS);
  expect(await run({ ClientToken: 'token' })).toBe(id);
  clock.advance(HOUR_MS);
  expect(await run({ ClientToken: 'token' })).not.toBe(id);
});

test('an instance goes through its states in their time, and is shown for an hour after', async () => {
  const id = await run();
  expect(await state(id)).toBe('pending');
  clock.advance(1_000);
  expect(await state(id)).toBe('running');
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  expect(await state(id)).toBe('shutting-down');
  clock.advance(1_000);
  expect(await state(id)).toBe('terminated');
  clock.advance(HOUR_MS + 1);
  await expect(state(id)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
});

test('reads lag by what was asked for: each thing’s own time, or another in every call', async () => {
  double.behaviour.lagMs = 5_000;
  const id = await run();
  await expect(state(id)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
  clock.advance(5_000);
  expect(await state(id)).toBeDefined();
  double.behaviour.flapping = true;
  const flapping = await run();
  clock.advance(2_500);
  const shown = new Set<boolean>();
  for (let look = 0; look < 40; look++) shown.add(await state(flapping).then(() => true, () => false)); // prettier-ignore
  expect(shown).toEqual(new Set([true, false]));
});

test('lists come in pages', async () => {
  const made = new Set<string>();
  for (let count = 0; count < 12; count++) made.add(await run());
  const listed = new Set<string>();
  const sizes: number[] = [];
  let NextToken: string | undefined;
  do {
    const page = await ec2.send(new DescribeInstancesCommand({ MaxResults: 5, NextToken }));
    sizes.push(page.Reservations!.length);
    for (const { Instances } of page.Reservations!) listed.add(Instances![0]!.InstanceId!);
    NextToken = page.NextToken;
  } while (NextToken);
  expect(sizes).toEqual([5, 5, 2]);
  expect(listed).toEqual(made);
});

test('every n-th call is throttled', async () => {
  double.behaviour.throttleEvery = 3;
  const results: string[] = [];
  for (let call = 0; call < 6; call++) results.push(await run().then(() => 'made', (error: Error) => error.name)); // prettier-ignore
  expect(results).toEqual(['made', 'made', 'RequestLimitExceeded', 'made', 'made', 'RequestLimitExceeded']);
});

const refusals: [string, (client: EC2Client) => Promise<unknown>][] = [
  ['InvalidAction', async (client) => await client.send(new StartInstancesCommand({ InstanceIds: ['i-12345678'] }))],
  ['UnknownParameter', async (client) => await client.send(new RunInstancesCommand(request({ EbsOptimized: true })))],
  ['InvalidParameterValue', async () => await run({ ClientToken: 'x'.repeat(65) })],
  ['InvalidParameterValue', async () => await run({ ClientToken: 'schlüssel' })],
  ['InvalidParameterValue', async () => await run({ UserData: 'not base64!' })],
  ['InvalidParameterValue', async () => await run({ UserData: Buffer.alloc(16_385).toString('base64') })],
  ['InvalidParameterValue', async () => await run({ MetadataOptions: { HttpPutResponseHopLimit: 65 } })],
  ['MissingParameter', async () => await run({ ImageId: undefined })],
  ['InvalidParameterValue', async (client) => await client.send(new DescribeInstancesCommand({ MaxResults: 4 }))],
  [
    'InvalidParameterCombination',
    async (client) => await client.send(new DescribeInstancesCommand({ MaxResults: 5, InstanceIds: [await run()] })),
  ],
  [
    'InvalidParameterValue',
    async (client) =>
      await client.send(new DescribeInstancesCommand({ Filters: [{ Name: 'colour', Values: ['blue'] }] })),
  ],
  [
    'InvalidInstanceID.Malformed',
    async (client) => await client.send(new TerminateInstancesCommand({ InstanceIds: ['i-123'] })),
  ],
  [
    'InvalidParameterValue',
    async (client) =>
      await client.send(
        new RunInstancesCommand(
          request({ TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'aws:x', Value: 'y' }] }] }),
        ),
      ),
  ],
  [
    'InvalidGroup.Duplicate',
    async (client) => {
      const group = new CreateSecurityGroupCommand({
        GroupName: 'one',
        Description: 'one',
        VpcId: catalogues[region].subnets[0]!.vpcId,
      });
      await client.send(group);
      await client.send(group);
    },
  ],
];

test.each(refusals)('what EC2 does not take is refused: %s', async (code, call) => {
  await expect(call(ec2)).rejects.toMatchObject({ name: code });
});
