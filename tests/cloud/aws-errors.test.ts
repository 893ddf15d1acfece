import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { AwsCloud } from '../../drivers/cloud/aws/ec2';
import { readAwsSettings, type AwsSettings } from '../../drivers/cloud/aws/settings';
import { userData } from '../../drivers/cloud/aws/user-data';
import { freePort } from '../../environment/ports';
import { awsOnDouble, awsSettings, machineSpec, region, useCredentials } from './aws-support';
import type { Ec2Double } from './ec2-double/server';
import { doubleCredentials, type DoubleFault } from './ec2-double/server';

const owner = `owner-${randomUUID()}`;
let double: Ec2Double;
let cloud: AwsCloud;
let close: () => Promise<void>;

beforeEach(async () => ({ double, cloud, close } = await awsOnDouble()));
afterEach(async () => await close());

/** A backend on the same double with other settings. */
async function other(settings: Partial<AwsSettings>, use: (cloud: AwsCloud) => Promise<void>): Promise<void> {
  const another = new AwsCloud(awsSettings(double.endpoint, settings));
  await use(another).finally(async () => await another.close());
}

const regionWith = (over: { imageId?: string; subnetId?: string }): Partial<AwsSettings> => {
  const regions = awsSettings('').regions;
  return { regions: { ...regions, [region]: { ...regions[region]!, ...over } } };
};

describe('what EC2 refuses', () => {
  test.each<[string, Partial<AwsSettings>]>([
    ['InvalidAMIID.NotFound', regionWith({ imageId: 'ami-0123456789abcdef0' })],
    ['InvalidAMIID.Malformed', regionWith({ imageId: 'debian' })],
    ['InvalidSubnetID.NotFound', regionWith({ subnetId: 'subnet-0123456789abcdef0' })],
    ['InvalidParameterValue', { instanceType: 'x99.huge' }],
  ])('is a spec that is refused: %s', async (code, settings) => {
    await other(settings, async (misled) => {
      await expect(misled.create(machineSpec(owner))).rejects.toMatchObject({
        code: 'CLOUD_SPEC_REFUSED',
        retryable: false,
        data: { awsCode: code },
      });
    });
    expect(double.present()).toEqual([]);
  });

  test('is a quota: vCPUs, spot instances', async () => {
    double.behaviour.vcpus = 3;
    await cloud.create(machineSpec(owner));
    await expect(cloud.create(machineSpec(owner))).rejects.toMatchObject({
      code: 'CLOUD_QUOTA',
      data: { awsCode: 'VcpuLimitExceeded' },
    });
    double.behaviour.spotInstances = 0;
    await other({ spot: true }, async (spot) => {
      await expect(spot.create(machineSpec(owner))).rejects.toMatchObject({
        code: 'CLOUD_QUOTA',
        retryable: false,
        data: { awsCode: 'MaxSpotInstanceCountExceeded' },
      });
    });
    expect(double.present()).toHaveLength(1);
  });

  test('is missing capacity, which another time may have', async () => {
    double.behaviour.fullZones.add('zone-a');
    const spec = machineSpec(owner);
    await expect(cloud.create(spec)).rejects.toMatchObject({
      code: 'CLOUD_CAPACITY',
      retryable: true,
      data: { awsCode: 'InsufficientInstanceCapacity' },
    });
    double.behaviour.fullZones.clear();
    await cloud.create(spec);
    expect(double.present()).toHaveLength(1);
  });

  test('is throttled, with the time to wait', async () => {
    double.behaviour.throttleEvery = 1;
    const spec = machineSpec(owner);
    const calls = [async () => await cloud.create(spec), async () => await cloud.list(owner)];
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({
        code: 'CLOUD_THROTTLED',
        retryable: true,
        retryAfterMs: expect.any(Number) as number,
      });
    expect(double.present()).toEqual([]);
    double.behaviour.throttleEvery = 0;
    await cloud.create(spec);
  });

  test('is a token that was used for another request, which no retry helps', async () => {
    const spec = machineSpec(owner);
    await cloud.create(spec);
    await expect(cloud.create({ ...spec, userTags: { team: 'b' } })).rejects.toMatchObject({
      code: 'CLOUD_CONFLICT',
      retryable: false,
      data: { awsCode: 'IdempotentParameterMismatch' },
      message: expect.stringContaining('other parameters') as string,
    });
    expect(double.present()).toHaveLength(1);
  });

  test('is our credentials: wrong ones, and none', async () => {
    useCredentials({ ...doubleCredentials, secretAccessKey: 'wrong' });
    await other({}, async (stranger) => {
      await expect(stranger.list(owner)).rejects.toMatchObject({
        code: 'CLOUD_AUTH',
        retryable: false,
        data: { awsCode: 'AuthFailure' },
      });
    });
    delete process.env.AWS_ACCESS_KEY_ID;
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    await other({}, async (stranger) => {
      await expect(stranger.list(owner)).rejects.toMatchObject({ code: 'CLOUD_AUTH', retryable: false });
    });
    delete process.env.AWS_EC2_METADATA_DISABLED;
  });

  // Codes that the double has no rule for, as answers of the double all the same.
  test.each([
    ['Unsupported', 400, 'CLOUD_CAPACITY', true],
    ['InsufficientFreeAddressesInSubnet', 400, 'CLOUD_CAPACITY', true],
    ['InstanceLimitExceeded', 400, 'CLOUD_QUOTA', false],
    ['SecurityGroupLimitExceeded', 400, 'CLOUD_QUOTA', false],
    ['TagLimitExceeded', 400, 'CLOUD_SPEC_REFUSED', false],
    ['InvalidBlockDeviceMapping', 400, 'CLOUD_SPEC_REFUSED', false],
    ['UnauthorizedOperation', 403, 'CLOUD_AUTH', false],
    ['ExpiredToken', 400, 'CLOUD_AUTH', false],
    ['RequestExpired', 400, 'CLOUD_AUTH', false],
    ['PendingVerification', 400, 'CLOUD_AUTH', false],
    ['Throttling', 400, 'CLOUD_THROTTLED', true],
    ['IncorrectInstanceState', 400, 'CLOUD_CONFLICT', true],
    ['OperationNotPermitted', 400, 'CLOUD_CONFLICT', false],
    ['InternalError', 500, 'CLOUD_OUTCOME_UNKNOWN', true],
    ['Unavailable', 503, 'CLOUD_OUTCOME_UNKNOWN', true],
  ])('%s (%i) of RunInstances is %s', async (awsCode, status, code, retryable) => {
    double.fail('RunInstances', { kind: 'error', code: awsCode, status });
    await expect(cloud.create(machineSpec(owner))).rejects.toMatchObject({ code, retryable });
    expect(double.faultsLeft).toBe(0);
  });
});

describe('an answer that does not come', () => {
  test.each<[string, DoubleFault]>([
    ['a page of HTML', { kind: 'html', status: 503, after: true }],
    ['a broken connection', { kind: 'drop', after: true }],
    ['half an answer', { kind: 'truncated' }],
    ['silence', { kind: 'silent', after: true }],
  ])('leaves a create’s outcome unknown: %s', async (_, fault) => {
    await other({ timeoutMs: 500 }, async (impatient) => {
      double.fail('RunInstances', fault);
      const spec = machineSpec(owner);
      await expect(impatient.create(spec)).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN', retryable: true });
      expect(double.faultsLeft).toBe(0);
      expect(await impatient.find(owner, spec.tags.token)).toHaveLength(1);
    });
  });

  test('and a refusal show nothing of the host key or our credentials, however deep one looks', async () => {
    const spec = machineSpec(owner);
    const faults: DoubleFault[] = [
      { kind: 'drop', after: true },
      { kind: 'html', status: 503, after: true },
      { kind: 'error', code: 'InvalidParameterValue' },
    ];
    for (const fault of faults) {
      double.fail('RunInstances', fault);
      const error: unknown = await cloud.create(spec).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'Failure' });
      const shown = inspect(error, { depth: 30, showHidden: true, maxStringLength: null, maxArrayLength: null });
      const secrets = [doubleCredentials.secretAccessKey, spec.hostKey.privateKey.split('\n')[0]!];
      for (const secret of [...secrets, Buffer.from(userData(spec)).toString('base64').slice(40, 80)])
        expect(shown).not.toContain(secret);
    }
    expect(double.faultsLeft).toBe(0);
  });

  test.each<[string, DoubleFault]>([
    ['a page of HTML', { kind: 'html', status: 503, after: false }],
    ['a broken connection', { kind: 'drop', after: false }],
  ])('leaves it unknown also where nothing was made: %s', async (_, fault) => {
    double.fail('RunInstances', fault);
    await expect(cloud.create(machineSpec(owner))).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN' });
    expect(double.faultsLeft).toBe(0);
    expect(double.present()).toEqual([]);
  });

  test('of a terminate is unknown, of a read is EC2 being away', async () => {
    const { instanceId } = await cloud.create(machineSpec(owner));
    double.fail('TerminateInstances', { kind: 'drop', after: true });
    await expect(cloud.terminate(owner, instanceId)).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN' });
    double.fail('DescribeInstances', { kind: 'html', status: 502, after: false });
    await expect(cloud.get(instanceId)).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE' });
    // Of one region: what is missing from a list counts as gone, so there is no list of the others.
    double.fail('DescribeInstances', { kind: 'drop', after: true });
    await expect(cloud.list(owner)).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE', retryable: true });
    expect(double.faultsLeft).toBe(0);
  });

  test('from a server that is not there is no unknown outcome', async () => {
    const nobody = new AwsCloud(awsSettings(`http://127.0.0.1:${await freePort()}`));
    await expect(nobody.create(machineSpec(owner))).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE' });
    await nobody.close();
  });

  test('is not waited for once the caller has cancelled', async () => {
    double.fail('DescribeInstances', { kind: 'silent', after: false }, 2);
    const controller = new AbortController();
    const listed = cloud.list(owner, controller.signal);
    const cancelled = new Error('cancelled');
    controller.abort(cancelled);
    await expect(listed).rejects.toBe(cancelled);
  });
});

describe('what AWS ends by itself', () => {
  test.each([
    ['Server.SpotInstanceTermination', 'CLOUD_RECLAIMED'],
    ['Server.SpotInstanceShutdown', 'CLOUD_RECLAIMED'],
    ['Server.InsufficientInstanceCapacity', 'CLOUD_CAPACITY'],
    ['Client.VolumeLimitExceeded', 'CLOUD_QUOTA'],
    ['Client.InvalidSnapshot.NotFound', 'CLOUD_SPEC_REFUSED'],
  ])('says why: %s', async (reason, code) => {
    const spec = machineSpec(owner);
    const { instanceId } = await cloud.create(spec);
    double.takeBack(double.present()[0]!, reason);
    expect(await cloud.get(instanceId)).toMatchObject({ state: 'gone', end: { code } });
    await expect(cloud.create(spec)).rejects.toMatchObject({ code });
    await cloud.terminate(owner, instanceId);
  });

  test('is told from what we ended: its token is used up', async () => {
    const spec = machineSpec(owner);
    const { instanceId } = await cloud.create(spec);
    await cloud.terminate(owner, instanceId);
    expect((await cloud.get(instanceId))!.end).toBeUndefined();
    await expect(cloud.create(spec)).rejects.toMatchObject({ code: 'MACHINE_GONE', retryable: false });
    expect(double.account.all()).toHaveLength(1);
  });
});

describe('settings', () => {
  const good = awsSettings('http://127.0.0.1:1');

  test('that are complete are taken', () => {
    expect(readAwsSettings(good)).toEqual(good);
  });

  test.each<[string, object]>([
    ['no region', { regions: {} }],
    ['a region of another form', { regions: { 'EU West': good.regions[region] } }],
    ['a region without its subnet', { regions: { [region]: { imageId: 'ami-12345678' } } }],
    ['no network for SSH', { sshCidrs: [] }],
    ['no network of edges', { edgeCidrs: [] }],
    ['a network that is none', { sshCidrs: ['everywhere'] }],
    ['a port that is none', { agentPort: 0 }],
    ['another endpoint than by HTTP', { endpoint: 'file:///etc/passwd' }],
    ['credentials', { secretAccessKey: 'canary-secret' }],
  ])('with %s are refused, without their values', (_, over) => {
    const refused = expect.objectContaining({ code: 'INVALID_INPUT', message: expect.not.stringContaining('canary') });
    expect(() => readAwsSettings({ ...good, ...over })).toThrow(refused as Error);
  });
});
