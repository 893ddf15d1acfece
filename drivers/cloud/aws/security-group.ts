import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  RevokeSecurityGroupIngressCommand,
  type IpPermission,
  type SecurityGroup,
} from '@aws-sdk/client-ec2';
import { Failure } from '../../../domain/failures';
import type { RegionApi } from './api';
import { awsCode, Effect } from './errors';
import { tagKeys } from './machines';
import type { AwsSettings } from './settings';

/** The security groups of one region: one per organization, so that tenants' machines do not reach each other. */
export class SecurityGroups {
  private vpc: string | undefined;
  private readonly inProgress = new Map<string, Promise<string>>();
  /** By name, the groups that this process made or found: reads may not show a new one for a while. */
  private readonly known = new Map<string, string>();

  constructor(
    private readonly api: RegionApi,
    private readonly settings: AwsSettings,
  ) {}

  /**
   * Finds or makes an organization's group and lets in what the settings name and nothing else; repeating it, also at
   * the same time elsewhere, changes nothing. Callers at the same time share one attempt, which no one's signal ends.
   * @returns its id.
   * @throws Failure CLOUD_CONFLICT for a group of that name that is not ours, and while a new one is not seen yet.
   */
  async ensure(owner: string, organizationId: string): Promise<string> {
    const key = `${owner} ${organizationId}`;
    let group = this.inProgress.get(key);
    if (!group) {
      group = this.findOrMake(owner, organizationId).finally(() => this.inProgress.delete(key));
      this.inProgress.set(key, group);
    }
    return await group;
  }

  private async findOrMake(owner: string, organizationId: string): Promise<string> {
    const name = `gatewright-${owner}-${organizationId}`;
    const vpcId = await this.vpcId();
    const found = await this.find(name, vpcId);
    if (found && !found.Tags?.some(({ Key, Value }) => Key === tagKeys.owner && Value === owner))
      throw new Failure('CLOUD_CONFLICT', `the security group ${name} is not ours: rename or delete it`, {
        retryable: false,
      });
    const known = found ? undefined : this.known.get(name);
    const groupId = found?.GroupId ?? known ?? (await this.make(name, vpcId, owner, organizationId));
    if (known === undefined) await this.admit(groupId, found?.IpPermissions ?? []);
    this.known.set(name, groupId);
    return groupId;
  }

  /** Has a group looked for anew, when EC2 says that there is none of that id. */
  forget(groupId: string): void {
    for (const [name, id] of this.known) if (id === groupId) this.known.delete(name);
  }

  private async vpcId(): Promise<string> {
    if (this.vpc !== undefined) return this.vpc;
    const SubnetIds = [this.settings.regions[this.api.region]!.subnetId];
    const { Subnets } = await this.call((client, options) =>
      client.send(new DescribeSubnetsCommand({ SubnetIds }), options),
    );
    const vpc = Subnets?.[0]?.VpcId;
    if (vpc === undefined) throw new Failure('CLOUD_SPEC_REFUSED', `the subnet ${SubnetIds[0]} is in no VPC`);
    return (this.vpc = vpc);
  }

  private async find(name: string, vpcId: string): Promise<SecurityGroup | undefined> {
    const Filters = [
      { Name: 'group-name', Values: [name] },
      { Name: 'vpc-id', Values: [vpcId] },
    ];
    const { SecurityGroups } = await this.call((client, options) =>
      client.send(new DescribeSecurityGroupsCommand({ Filters }), options),
    );
    return SecurityGroups?.find(({ GroupName }) => GroupName === name);
  }

  private async make(name: string, vpcId: string, owner: string, organizationId: string): Promise<string> {
    // A group that another worker made at the same time (InvalidGroup.Duplicate, CLOUD_CONFLICT) is found next time.
    const { GroupId } = await this.call((client, options) =>
      client.send(
        new CreateSecurityGroupCommand({
          GroupName: name,
          Description: `Gatewright: gateways of organization ${organizationId}`,
          VpcId: vpcId,
          TagSpecifications: [
            {
              ResourceType: 'security-group',
              Tags: [
                { Key: tagKeys.owner, Value: owner },
                { Key: tagKeys.organizationId, Value: organizationId },
              ],
            },
          ],
        }),
        options,
      ),
    );
    if (GroupId === undefined) throw new Failure('CLOUD_UNAVAILABLE', 'EC2 made a security group and did not name it');
    return GroupId;
  }

  /** Brings a group's ingress rules to those of the settings: what is missing first, what is too much last. */
  private async admit(GroupId: string, present: readonly IpPermission[]): Promise<void> {
    const have = new Map(present.flatMap(single).map((permission) => [ruleKey(permission), permission]));
    const want = new Map(this.wanted().map((permission) => [ruleKey(permission), permission]));
    for (const [key, permission] of want)
      if (!have.has(key))
        await this.call((client, options) =>
          client.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [permission] }), options),
        ).catch(allow('InvalidPermission.Duplicate'));
    for (const [key, permission] of have)
      if (!want.has(key))
        await this.call((client, options) =>
          client.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [permission] }), options),
        ).catch(allow('InvalidPermission.NotFound'));
  }

  private wanted(): IpPermission[] {
    const { sshPort = 22, sshCidrs, agentPort, edgeCidrs } = this.settings;
    const rule = (port: number) => (cidr: string) => ({
      IpProtocol: 'tcp',
      FromPort: port,
      ToPort: port,
      IpRanges: [{ CidrIp: cidr }],
    });
    return [...sshCidrs.map(rule(sshPort)), ...edgeCidrs.map(rule(agentPort))];
  }

  private async call<T>(send: Parameters<typeof this.api.call<T>>[2]): Promise<T> {
    // Nothing of a machine is lost with an answer here: the next attempt finds the group.
    return await this.api.call(Effect.none, undefined, send);
  }
}

/** A permission taken apart by its sources. */
function single({ IpProtocol, FromPort, ToPort, ...sources }: IpPermission): IpPermission[] {
  const ports = { IpProtocol, FromPort, ToPort };
  return [
    ...(sources.IpRanges ?? []).map(({ CidrIp }) => ({ ...ports, IpRanges: [{ CidrIp }] })),
    ...(sources.Ipv6Ranges ?? []).map(({ CidrIpv6 }) => ({ ...ports, Ipv6Ranges: [{ CidrIpv6 }] })),
    ...(sources.PrefixListIds ?? []).map(({ PrefixListId }) => ({ ...ports, PrefixListIds: [{ PrefixListId }] })),
    ...(sources.UserIdGroupPairs ?? []).map(({ GroupId, UserId }) => ({
      ...ports,
      UserIdGroupPairs: [{ GroupId, UserId }],
    })),
  ];
}

function ruleKey(permission: IpPermission): string {
  return JSON.stringify(permission);
}

function allow(code: string): (error: unknown) => void {
  return (error) => {
    if (awsCode(error) !== code) throw error;
  };
}
