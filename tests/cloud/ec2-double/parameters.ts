import { Ec2Error, invalid, missing } from './errors';

type Kind = 'text' | 'int' | 'bool';

const filters = { 'Filter.N.Name': 'text', 'Filter.N.Value.N': 'text' } as const;
const tagSpecifications = {
  'TagSpecification.N.ResourceType': 'text',
  'TagSpecification.N.Tag.N.Key': 'text',
  'TagSpecification.N.Tag.N.Value': 'text',
} as const;
const permissions = {
  GroupId: 'text',
  'IpPermissions.N.IpProtocol': 'text',
  'IpPermissions.N.FromPort': 'int',
  'IpPermissions.N.ToPort': 'int',
  'IpPermissions.N.IpRanges.N.CidrIp': 'text',
  'IpPermissions.N.Ipv6Ranges.N.CidrIpv6': 'text',
} as const;

/** The parameters that each action takes; N stands for the number of a list's element. Anything else is refused. */
const known: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  RunInstances: {
    ClientToken: 'text',
    ImageId: 'text',
    InstanceType: 'text',
    MinCount: 'int',
    MaxCount: 'int',
    UserData: 'text',
    InstanceInitiatedShutdownBehavior: 'text',
    'BlockDeviceMapping.N.DeviceName': 'text',
    'BlockDeviceMapping.N.Ebs.DeleteOnTermination': 'bool',
    'NetworkInterface.N.DeviceIndex': 'int',
    'NetworkInterface.N.SubnetId': 'text',
    'NetworkInterface.N.SecurityGroupId.N': 'text',
    'NetworkInterface.N.AssociatePublicIpAddress': 'bool',
    'NetworkInterface.N.DeleteOnTermination': 'bool',
    'MetadataOptions.HttpEndpoint': 'text',
    'MetadataOptions.HttpTokens': 'text',
    'MetadataOptions.HttpPutResponseHopLimit': 'int',
    'InstanceMarketOptions.MarketType': 'text',
    'InstanceMarketOptions.SpotOptions.SpotInstanceType': 'text',
    'InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior': 'text',
    ...tagSpecifications,
  },
  DescribeInstances: { 'InstanceId.N': 'text', MaxResults: 'int', NextToken: 'text', ...filters },
  TerminateInstances: { 'InstanceId.N': 'text' },
  DescribeSubnets: { 'SubnetId.N': 'text', ...filters },
  DescribeSecurityGroups: { 'GroupId.N': 'text', ...filters },
  CreateSecurityGroup: { GroupName: 'text', GroupDescription: 'text', VpcId: 'text', ...tagSpecifications },
  AuthorizeSecurityGroupIngress: permissions,
  RevokeSecurityGroupIngress: permissions,
};

/** One request's parameters, checked. */
export class Parameters {
  private constructor(
    readonly action: string,
    private readonly values: ReadonlyMap<string, string>,
  ) {}

  /** @throws Ec2Error InvalidAction, UnknownParameter, InvalidParameterValue */
  static read(body: string): Parameters {
    const values = new Map(new URLSearchParams(body));
    const action = values.get('Action') ?? '';
    const names = Object.hasOwn(known, action) ? known[action]! : undefined;
    if (!names || values.get('Version') !== '2016-11-15')
      throw new Ec2Error('InvalidAction', `The action ${action} is not valid for this web service.`);
    values.delete('Action');
    values.delete('Version');
    for (const [name, value] of values) {
      const kind = names[name.replace(/\.[1-9][0-9]*(?=\.|$)/g, '.N')];
      if (!kind) throw new Ec2Error('UnknownParameter', `The parameter ${name} is not recognized`);
      if (kind === 'int' && !/^-?[0-9]{1,9}$/.test(value)) throw invalid(name, value);
      if (kind === 'bool' && value !== 'true' && value !== 'false') throw invalid(name, value);
    }
    return new Parameters(action, values);
  }

  has(prefix: string): boolean {
    return this.numbered(prefix).length > 0 || [...this.values.keys()].some((name) => name === prefix);
  }

  text(name: string): string | undefined {
    return this.values.get(name);
  }

  /** @throws Ec2Error MissingParameter */
  required(name: string): string {
    const value = this.values.get(name);
    if (value === undefined || value === '') throw missing(name);
    return value;
  }

  int(name: string): number | undefined {
    const value = this.values.get(name);
    return value === undefined ? undefined : Number(value);
  }

  /** The prefixes of a list's elements in their order: `Filter` gives `Filter.1`, `Filter.2`. */
  numbered(prefix: string): string[] {
    const numbers = [...this.values.keys()].flatMap((name) =>
      name.startsWith(`${prefix}.`) ? [Number(name.slice(prefix.length + 1).split('.')[0])] : [],
    );
    return [...new Set(numbers)].sort((a, b) => a - b).map((number) => `${prefix}.${number}`);
  }

  list(prefix: string): string[] {
    return this.numbered(prefix).map((name) => this.required(name));
  }

  filters(): { name: string; values: string[] }[] {
    return this.numbered('Filter').map((filter) => ({
      name: this.required(`${filter}.Name`),
      values: this.list(`${filter}.Value`),
    }));
  }

  /** Tags by the type of resource. @throws Ec2Error for tags that AWS would not take. */
  tagSpecifications(): Map<string, Map<string, string>> {
    return new Map(
      this.numbered('TagSpecification').map((specification) => [
        this.required(`${specification}.ResourceType`),
        this.tags(`${specification}.Tag`),
      ]),
    );
  }

  /** What a repeated client token is compared with: everything but the token. */
  fingerprint(): string {
    return JSON.stringify([...this.values].filter(([name]) => name !== 'ClientToken').sort());
  }

  private tags(prefix: string): Map<string, string> {
    const tags = new Map<string, string>();
    for (const tag of this.numbered(prefix)) {
      const [key, value] = [this.required(`${tag}.Key`), this.text(`${tag}.Value`) ?? ''];
      if (/^aws:/i.test(key) || key.length > 128) throw invalid('tag key', key);
      if (value.length > 256) throw invalid('tag value', value);
      if (tags.has(key)) throw new Ec2Error('InvalidParameterValue', `Duplicate tag key '${key}' specified.`);
      tags.set(key, value);
    }
    if (tags.size > 50) throw new Ec2Error('TagLimitExceeded', 'The maximum number of tags is 50');
    return tags;
  }
}
