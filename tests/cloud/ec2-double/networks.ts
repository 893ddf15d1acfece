import { arn, tagContext, type Account } from './account';
import { Ec2Error, invalid } from './errors';
import type { Parameters } from './parameters';
import { matches, type Group, type RegionState } from './state';
import type { Xml } from './xml';

/** DescribeSubnets, by ids. */
export function describeSubnets(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  account.authorize({ action: 'ec2:DescribeSubnets', arn: '*', context: {} });
  const { subnets } = account.region(regionName).catalogue;
  const ids = parameters.list('SubnetId');
  for (const id of ids)
    if (!subnets.some(({ subnetId }) => subnetId === id))
      throw new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
  return {
    subnetSet: subnets
      .filter(({ subnetId }) => ids.length === 0 || ids.includes(subnetId))
      .map(({ subnetId, vpcId, zone }) => ({ subnetId, vpcId, availabilityZone: zone, state: 'available' })),
  };
}

/** DescribeSecurityGroups, by filters, of a moment that may be past. */
export function describeGroups(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  account.authorize({ action: 'ec2:DescribeSecurityGroups', arn: '*', context: {} });
  const view = account.view();
  const filters = parameters.filters();
  const shown = [...account.region(regionName).groups.values()]
    .filter(({ groupId, createdAt }) => createdAt <= view(groupId))
    .filter((group) =>
      filters.every(({ name, values }) => {
        const value = valueOf(group, name);
        return value !== undefined && values.some((pattern) => matches(pattern, value));
      }),
    );
  return {
    securityGroupInfo: shown.map((group) => ({
      groupId: group.groupId,
      groupName: group.name,
      groupDescription: group.description,
      vpcId: group.vpcId,
      ipPermissions: [...group.permissions].map(permission),
      tagSet: [...group.tags].map(([key, value]) => ({ key, value })),
    })),
  };
}

/** CreateSecurityGroup: a name is unique within its VPC. */
export function createGroup(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  const region = account.region(regionName);
  const [name, description, vpcId] = ['GroupName', 'GroupDescription', 'VpcId'].map((key) => parameters.required(key));
  // Both may have up to 255 characters of this set.
  for (const [key, text] of Object.entries({ GroupName: name!, GroupDescription: description! }))
    if (!/^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]{1,255}$/.test(text)) throw invalid(key, text);
  if (name!.startsWith('sg-')) throw invalid('GroupName', name!);
  if (!region.catalogue.subnets.some((subnet) => subnet.vpcId === vpcId))
    throw new Ec2Error('InvalidVpcID.NotFound', `The vpc ID '${vpcId}' does not exist`);
  const tags = parameters.tagSpecifications().get('security-group') ?? new Map<string, string>();
  const context = tagContext('RequestTag', tags);
  account.authorize(
    { action: 'ec2:CreateSecurityGroup', arn: arn(regionName, 'security-group'), context },
    { action: 'ec2:CreateSecurityGroup', arn: arn(regionName, 'vpc', vpcId), context: {} },
    ...(tags.size === 0
      ? []
      : [
          {
            action: 'ec2:CreateTags',
            arn: arn(regionName, 'security-group'),
            context: { ...context, 'ec2:CreateAction': 'CreateSecurityGroup' },
          },
        ]),
  );
  if ([...region.groups.values()].some((group) => group.vpcId === vpcId && group.name === name))
    throw new Ec2Error('InvalidGroup.Duplicate', `The security group '${name}' already exists for VPC '${vpcId}'`);
  const groupId = account.id('sg');
  region.groups.set(groupId, {
    groupId,
    name: name!,
    description: description!,
    vpcId: vpcId!,
    tags,
    createdAt: account.now,
    permissions: new Set(),
  });
  return { groupId };
}

/** AuthorizeSecurityGroupIngress: all rules or none; a rule that is there is refused. */
export function authorizeIngress(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  const { group, rules } = ingress(account, regionName, parameters);
  for (const rule of rules)
    if (group.permissions.has(rule))
      throw new Ec2Error('InvalidPermission.Duplicate', `the specified rule "${rule}" already exists`);
  rules.forEach((rule) => group.permissions.add(rule));
  return { return: true };
}

/** RevokeSecurityGroupIngress: a rule that is not there is refused. */
export function revokeIngress(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  const { group, rules } = ingress(account, regionName, parameters);
  for (const rule of rules)
    if (!group.permissions.has(rule))
      throw new Ec2Error('InvalidPermission.NotFound', 'The specified rule does not exist in this security group.');
  rules.forEach((rule) => group.permissions.delete(rule));
  return { return: true };
}

function ingress(account: Account, regionName: string, parameters: Parameters): { group: Group; rules: string[] } {
  const group = groupOf(account.region(regionName), parameters.required('GroupId'));
  account.authorize({
    action: `ec2:${parameters.action}`,
    arn: arn(regionName, 'security-group', group.groupId),
    context: tagContext('ResourceTag', group.tags),
  });
  const rules = parameters.numbered('IpPermissions').flatMap((name) => {
    const ports = ['IpProtocol', 'FromPort', 'ToPort'].map((key) => parameters.required(`${name}.${key}`));
    return [
      ...parameters.numbered(`${name}.IpRanges`).map((range) => cidr(parameters.required(`${range}.CidrIp`))),
      ...parameters.numbered(`${name}.Ipv6Ranges`).map((range) => parameters.required(`${range}.CidrIpv6`)),
    ].map((source) => [...ports, source].join(' '));
  });
  return { group, rules };
}

function groupOf(region: RegionState, id: string): Group {
  const group = region.groups.get(id);
  if (!group) throw new Ec2Error('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
  return group;
}

function cidr(text: string): string {
  if (!/^([0-9]{1,3}\.){3}[0-9]{1,3}\/([0-9]|[12][0-9]|3[0-2])$/.test(text))
    throw new Ec2Error('InvalidParameterValue', `CIDR block ${text} is malformed`);
  return text;
}

function permission(rule: string): Xml {
  const [ipProtocol, fromPort, toPort, source] = rule.split(' ');
  return {
    ipProtocol,
    fromPort,
    toPort,
    ...(source!.includes(':') ? { ipv6Ranges: [{ cidrIpv6: source }] } : { ipRanges: [{ cidrIp: source }] }),
  };
}

function valueOf(group: Group, filter: string): string | undefined {
  if (filter === 'group-name') return group.name;
  if (filter === 'vpc-id') return group.vpcId;
  if (filter.startsWith('tag:')) return group.tags.get(filter.slice('tag:'.length));
  throw new Ec2Error('InvalidParameterValue', `The filter '${filter}' is invalid`);
}
