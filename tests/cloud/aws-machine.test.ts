import { randomUUID } from 'node:crypto';
import { MachineState } from '../../domain/fleet/machine';
import { AwsCloud } from '../../drivers/cloud/aws/ec2';
import { tagKeys } from '../../drivers/cloud/aws/machines';
import { awsOnDouble, awsSettings, machineSpec, otherRegion, region } from './aws-support';
import { ManualClock } from './ec2-double/state';

const owner = `owner-${randomUUID()}`;

describe('a machine that is asked for', () => {
  test('carries its tags with everything that comes with it, and shields its metadata', async () => {
    const { double, cloud, close } = await awsOnDouble({}, { spot: true, rootDevice: '/dev/xvda' });
    const spec = machineSpec(owner, { userTags: { team: 'blue', Name: 'not this one', [tagKeys.owner]: 'x' } });
    await cloud.create(spec);
    const [instance] = double.present();
    expect(instance).toMatchObject({
      token: spec.tags.token,
      spot: true,
      publicIp: false,
      metadata: { httpTokens: 'required', hopLimit: 1 },
    });
    for (const type of ['instance', 'volume', 'network-interface', 'spot-instances-request'])
      expect(Object.fromEntries(instance!.otherTags.get(type)!)).toMatchObject({
        ...Object.fromEntries(Object.entries(tagKeys).map(([name, key]) => [key, spec.tags[name as 'owner']])),
        Name: spec.name,
        team: 'blue',
      });
    await close();
  });

  test('boots with the host key and the authorized key and nothing else', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const spec = machineSpec(owner);
    await cloud.create(spec);
    const { userData } = double.present()[0]!;
    expect(userData.startsWith('#cloud-config\n')).toBe(true);
    expect(JSON.parse(userData.slice('#cloud-config\n'.length))).toEqual({
      ssh_deletekeys: true,
      ssh_keys: { ed25519_private: spec.hostKey.privateKey, ed25519_public: `${spec.hostKey.publicKey}\n` },
      ssh_authorized_keys: [spec.authorizedKey],
      ssh_pwauth: false,
      disable_root: true,
    });
    await close();
  });

  test('is refused when its authorized key would be two', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const spec = machineSpec(owner, { authorizedKey: 'ssh-ed25519 AAAA one\nssh-ed25519 BBBB two' });
    await expect(cloud.create(spec)).rejects.toMatchObject({ code: 'CLOUD_SPEC_REFUSED' });
    expect(double.present()).toEqual([]);
    await close();
  });

  test('has the address that was asked for once it has it', async () => {
    const clock = new ManualClock();
    const { cloud, close } = await awsOnDouble({ now: clock.now, bootMs: 30_000 });
    const outside = await cloud.create(machineSpec(owner, { publicIp: true }));
    const inside = await cloud.create(machineSpec(owner));
    // The private address is there long before the public one and must not be taken for it.
    expect(await cloud.get(outside.instanceId)).toMatchObject({ state: MachineState.pending, ssh: null, serves: null });
    clock.advance(30_000);
    expect(await cloud.get(outside.instanceId)).toMatchObject({
      state: MachineState.running,
      ssh: { host: '198.18.0.1', port: 22, user: 'admin' },
      serves: '198.18.0.1',
    });
    expect(await cloud.get(inside.instanceId)).toMatchObject({ ssh: { host: '10.0.0.2' }, serves: '10.0.0.2' });
    await close();
  });

  test('may be served inside and reached outside', async () => {
    const { cloud, close } = await awsOnDouble({}, { serves: 'private', sshPort: 2222 });
    const { instanceId } = await cloud.create(machineSpec(owner, { publicIp: true }));
    expect(await cloud.get(instanceId)).toMatchObject({
      ssh: { host: '198.18.0.1', port: 2222 },
      serves: '10.0.0.1',
    });
    await close();
  });

  test('that somebody stopped is on its way out, and is ours to end', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const { instanceId } = await cloud.create(machineSpec(owner));
    double.present()[0]!.stoppedAt = double.account.now;
    expect(await cloud.list(owner)).toMatchObject([{ state: MachineState.stopping }]);
    await cloud.terminate(owner, instanceId);
    expect(double.present()).toEqual([]);
    await close();
  });

  test('is found in every region and over many pages, wildcards in an owner’s name being none', async () => {
    const { cloud, close } = await awsOnDouble({}, { pageSize: 5 });
    const organizationId = randomUUID();
    const make = async (machineOwner: string, where: string): Promise<string> => {
      const spec = machineSpec(machineOwner, { region: where });
      const { instanceId } = await cloud.create({ ...spec, tags: { ...spec.tags, organizationId } });
      return instanceId;
    };
    const made: string[] = [];
    for (let count = 0; count < 12; count++) made.push(await make('blue', region));
    made.push(await make('blue', otherRegion));
    await make('bluer', region);
    const listed = (await cloud.list('blue')).map(({ instanceId }) => instanceId);
    expect(listed.sort()).toEqual(made.sort());
    expect(await cloud.list('blue*')).toEqual([]);
    expect(await cloud.list('?lue')).toEqual([]);
    await close();
  });

  test('is not looked for in a region that is not configured', async () => {
    const { cloud, close } = await awsOnDouble();
    await expect(cloud.get('mars-north-1/i-0123456789abcdef0')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
    await close();
  });
});

describe('an organization’s security group', () => {
  const rules = (double: Awaited<ReturnType<typeof awsOnDouble>>['double']): string[] => {
    const groups = [...double.account.region(region).groups.values()];
    expect(groups).toHaveLength(1);
    return [...groups[0]!.permissions].sort();
  };
  const sameOrganization = (organizationId: string) => {
    const spec = machineSpec(owner);
    return { ...spec, tags: { ...spec.tags, organizationId } };
  };

  test('is made once, however many ask, and lets in workers and edges alone', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const second = new AwsCloud(awsSettings(double.endpoint));
    const organizationId = randomUUID();
    const create = async (by: AwsCloud): Promise<unknown> =>
      await by.create(sameOrganization(organizationId)).catch((error: unknown) => error);
    const results = await Promise.all([cloud, cloud, second, second].map(create));
    for (const result of results)
      expect(result).toMatchObject(
        result instanceof Error ? { code: 'CLOUD_CONFLICT', retryable: true } : { state: expect.anything() as string },
      );
    expect(rules(double)).toEqual([
      'tcp 22 22 192.0.2.0/24',
      'tcp 8080 8080 198.51.100.0/24',
      'tcp 8080 8080 203.0.113.7/32',
    ]);
    await second.close();
    await close();
  });

  test('is brought back to what the settings say', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const organizationId = randomUUID();
    await cloud.create(sameOrganization(organizationId));
    const [group] = double.account.region(region).groups.values();
    group!.permissions.delete('tcp 22 22 192.0.2.0/24');
    group!.permissions.add('tcp 22 22 0.0.0.0/0').add('tcp 1 65535 ::/0');
    await cloud.create(sameOrganization(organizationId));
    expect(rules(double)).toEqual([
      'tcp 22 22 192.0.2.0/24',
      'tcp 8080 8080 198.51.100.0/24',
      'tcp 8080 8080 203.0.113.7/32',
    ]);
    await close();
  });

  test('is not taken over from somebody else', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const spec = machineSpec(owner);
    const groups = double.account.region(region).groups;
    await cloud.create(spec);
    const [ours] = groups.values();
    groups.set(ours!.groupId, { ...ours!, tags: new Map() });
    await expect(cloud.create(sameOrganization(spec.tags.organizationId))).rejects.toMatchObject({
      code: 'CLOUD_CONFLICT',
      retryable: false,
    });
    await close();
  });

  test('that somebody deleted is made anew', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const organizationId = randomUUID();
    await cloud.create(sameOrganization(organizationId));
    double.account.region(region).groups.clear();
    await expect(cloud.create(sameOrganization(organizationId))).rejects.toMatchObject({
      code: 'CLOUD_CONFLICT',
      retryable: true,
    });
    await cloud.create(sameOrganization(organizationId));
    expect(double.present()).toHaveLength(2);
    await close();
  });
});
