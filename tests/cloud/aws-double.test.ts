import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { tagKeys } from '../../drivers/cloud/aws/machines';
import { awsOnDouble, awsSettings, machineSpec, policyOf, region } from './aws-support';
import { AwsCloud } from '../../drivers/cloud/aws/ec2';
import { cloudContract, type CloudUnderTest } from './contract';
import { DoubleMachines } from './double-machines';
import { actionsOf, allows, type AccessRequest } from './ec2-double/policy';

/** What IAM was asked for by everything in this file. */
const accesses: AccessRequest[][] = [];

cloudContract('aws, on a strict double of EC2 whose machines are real sshds', makeDouble, 'injected');

async function makeDouble(): Promise<CloudUnderTest> {
  const machines = await DoubleMachines.open('127.0.4');
  const { double, cloud, close } = await awsOnDouble(
    { lagMs: 300, bootMs: 100, shutdownMs: 100, ...machines.hooks },
    // Small pages, so that lists have several.
    { pageSize: 5, sshUser: userInfo().username, sshPort: machines.port },
  );
  accesses.push(double.account.accesses);
  return {
    cloud,
    region,
    refused: { region: { region: 'mars-north-1' }, type: { instanceType: 'x99.huge' } },
    loseCreateAnswer: () => double.fail('RunInstances', { kind: 'drop', after: true }),
    answerWasLost: () => double.faultsLeft === 0,
    bootMs: 10_000,
    close: async () => {
      await close();
      await machines.close();
    },
  };
}

describe('the policy that is shipped', () => {
  const owner = `owner-${randomUUID()}`;
  const policy = policyOf(owner);

  test('lets a whole life pass, spot and changed networks included, and nothing of another owner', async () => {
    const { double, cloud, close } = await awsOnDouble({ policy }, { spot: true });
    accesses.push(double.account.accesses);
    const spec = machineSpec(owner);
    const { instanceId } = await cloud.create(spec);
    expect(await cloud.list(owner)).toHaveLength(1);
    const narrower = new AwsCloud(awsSettings(double.endpoint, { edgeCidrs: ['203.0.113.7/32'] }));
    const again = machineSpec(owner);
    await narrower.create({ ...again, tags: { ...again.tags, organizationId: spec.tags.organizationId } });
    await expect(cloud.create(machineSpec('somebody-else'))).rejects.toMatchObject({ code: 'CLOUD_AUTH' });
    await cloud.terminate(owner, instanceId);
    expect(double.present()).toHaveLength(1);
    await narrower.close();
    await close();
  });

  test('refuses to end a machine of another owner also when our code does not', async () => {
    const { double, cloud, close } = await awsOnDouble();
    const { instanceId } = await cloud.create(machineSpec('somebody-else'));
    await expect(cloud.terminate(owner, instanceId)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(double.calls.filter(({ action }) => action === 'TerminateInstances')).toEqual([]);
    double.behaviour.policy = policy;
    // As if our code took the foreign machine for ours.
    await expect(cloud.terminate('somebody-else', instanceId)).rejects.toMatchObject({
      code: 'CLOUD_AUTH',
      data: { awsCode: 'UnauthorizedOperation' },
      message: expect.not.stringContaining('Encoded') as string,
    });
    expect(double.calls.filter(({ action }) => action === 'TerminateInstances')).toHaveLength(1);
    expect(double.present()).toHaveLength(1);
    await close();
  });

  test.each([
    ['a machine without our tag', { 'ec2:MetadataHttpTokens': 'required' }],
    ['a machine with IMDSv1', { [`aws:RequestTag/${tagKeys.owner}`]: owner, 'ec2:MetadataHttpTokens': 'optional' }],
  ])('does not let %s be made', (_, context) => {
    const arn = 'arn:aws:ec2:eu-west-1:123456789012:instance/*';
    const good = { 'ec2:MetadataHttpTokens': 'required', [`aws:RequestTag/${tagKeys.owner}`]: owner };
    expect(allows(policy, { action: 'ec2:RunInstances', arn, context: good })).toBe(true);
    expect(allows(policy, { action: 'ec2:RunInstances', arn, context })).toBe(false);
  });

  test('does not let what exists be tagged as ours', () => {
    const arn = 'arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0';
    const context = { [`aws:RequestTag/${tagKeys.owner}`]: owner };
    const making = { ...context, 'ec2:CreateAction': 'RunInstances' };
    expect(allows(policy, { action: 'ec2:CreateTags', arn, context: making })).toBe(true);
    expect(allows(policy, { action: 'ec2:CreateTags', arn, context })).toBe(false);
  });

  test('names the actions that all of these tests made, neither more nor fewer', () => {
    const made = accesses.flat();
    expect(new Set(made.map(({ action }) => action))).toEqual(actionsOf(policy));
    const keys = [`aws:RequestTag/${tagKeys.owner}`, `aws:ResourceTag/${tagKeys.owner}`];
    for (const access of made) {
      const whose = keys.map((key) => access.context[key]).find((value) => value !== undefined) ?? owner;
      const refusedOnPurpose = whose === 'somebody-else';
      expect([access, allows(policyOf(whose), access)]).toEqual([access, true]);
      if (refusedOnPurpose) expect(allows(policy, access)).toBe(false);
    }
  });
});
