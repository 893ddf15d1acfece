import { arn, tagContext, type Account } from './account';
import { Ec2Error, invalid, missing } from './errors';
import type { Parameters } from './parameters';
import { stateAt, stateCodes, type DoubleInstance, type RegionState, type Subnet } from './state';
import type { Xml } from './xml';

const DAY_MS = 86_400_000;
/** What tags can be given to in the call ("Tag specifications" of RunInstances). */
const made = ['instance', 'volume', 'network-interface', 'spot-instances-request'];

/** RunInstances for one instance, as the API reference and "Ensuring idempotency" tell it. */
export function runInstances(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  const region = account.region(regionName);
  const wanted = read(region, parameters);
  authorize(account, regionName, region, wanted);
  const known = account.behaviour.clientTokens && repeated(account, region, wanted.token, parameters.fingerprint());
  const instance = known || make(account, regionName, region, wanted);
  if (wanted.token !== undefined && !known)
    region.tokens.set(wanted.token, { fingerprint: parameters.fingerprint(), instanceId: instance.instanceId });
  return {
    reservationId: instance.reservationId,
    ownerId: '123456789012',
    instancesSet: [describe(instance, account.now) ?? describe(instance, instance.createdAt)!],
  };
}

/** An instance as an answer shows it at a moment; undefined when it is not shown. */
export function describe(instance: DoubleInstance, time: number): Record<string, Xml> | undefined {
  const state = stateAt(instance, time);
  if (!state) return undefined;
  const gone = state === 'terminated';
  const { addresses, reason } = instance;
  return {
    instanceId: instance.instanceId,
    imageId: instance.imageId,
    instanceState: { code: stateCodes[state], name: state },
    stateReason: reason && (gone || state === 'shutting-down') ? { ...reason } : undefined,
    instanceType: instance.instanceType,
    launchTime: new Date(instance.createdAt).toISOString(),
    placement: { availabilityZone: instance.subnet.zone },
    subnetId: gone ? undefined : instance.subnet.subnetId,
    vpcId: gone ? undefined : instance.subnet.vpcId,
    privateIpAddress: gone ? undefined : addresses?.privateIp,
    // Given when the instance runs, not when it is asked for.
    ipAddress: state === 'running' && instance.publicIp ? addresses?.publicIp : undefined,
    clientToken: instance.token,
    instanceLifecycle: instance.spot ? 'spot' : undefined,
    tagSet: [...instance.tags].map(([key, value]) => ({ key, value })),
  };
}

type Wanted = ReturnType<typeof read>;

function read(region: RegionState, parameters: Parameters) {
  const token = parameters.text('ClientToken');
  if (token !== undefined && !/^[\x21-\x7e]{1,64}$/.test(token)) throw invalid('ClientToken', token);
  for (const count of ['MinCount', 'MaxCount'])
    if (parameters.required(count) !== '1')
      throw new Ec2Error('UnsupportedOperation', 'The double makes one at a time');
  const imageId = parameters.required('ImageId');
  if (!/^ami-[0-9a-f]{8,17}$/.test(imageId))
    throw new Ec2Error('InvalidAMIID.Malformed', `Invalid id: "${imageId}" (expecting "ami-...")`);
  if (!region.catalogue.images.includes(imageId))
    throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${imageId}]' does not exist`);
  const [network, second] = parameters.numbered('NetworkInterface');
  if (!network) throw missing('NetworkInterface');
  if (second) throw new Ec2Error('UnsupportedOperation', 'The double gives one network interface');
  const tags = parameters.tagSpecifications();
  for (const type of tags.keys()) if (!made.includes(type)) throw invalid('ResourceType', type);
  return {
    token,
    imageId,
    tags,
    instanceType: parameters.text('InstanceType') ?? 'm1.small',
    subnet: subnetOf(region, parameters.required(`${network}.SubnetId`)),
    groupIds: groupsOf(region, parameters.list(`${network}.SecurityGroupId`)),
    publicIp: parameters.text(`${network}.AssociatePublicIpAddress`) === 'true',
    spot: spotOf(parameters),
    metadata: metadataOf(parameters),
    userData: userDataOf(parameters.text('UserData') ?? ''),
  };
}

function subnetOf(region: RegionState, id: string): Subnet {
  const subnet = region.catalogue.subnets.find(({ subnetId }) => subnetId === id);
  if (!subnet) throw new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
  return subnet;
}

function groupsOf(region: RegionState, ids: readonly string[]): readonly string[] {
  for (const id of ids)
    if (!region.groups.has(id))
      throw new Ec2Error('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
  return ids;
}

function spotOf(parameters: Parameters): boolean {
  const market = parameters.text('InstanceMarketOptions.MarketType');
  if (market !== undefined && market !== 'spot') throw invalid('MarketType', market);
  const type = parameters.text('InstanceMarketOptions.SpotOptions.SpotInstanceType') ?? 'one-time';
  if (type !== 'one-time') throw invalid('SpotInstanceType', type);
  return market === 'spot';
}

function metadataOf(parameters: Parameters): DoubleInstance['metadata'] {
  const httpTokens = parameters.text('MetadataOptions.HttpTokens') ?? 'optional';
  const hopLimit = parameters.int('MetadataOptions.HttpPutResponseHopLimit') ?? 1;
  if (!['optional', 'required'].includes(httpTokens)) throw invalid('HttpTokens', httpTokens);
  if (hopLimit < 1 || hopLimit > 64) throw invalid('HttpPutResponseHopLimit', String(hopLimit));
  return { httpTokens, hopLimit };
}

function userDataOf(encoded: string): string {
  const decoded = Buffer.from(encoded, 'base64');
  if (decoded.toString('base64') !== encoded)
    throw new Ec2Error('InvalidParameterValue', 'Invalid BASE64 encoding of user data.');
  if (decoded.length > 16_384) throw new Ec2Error('InvalidParameterValue', 'User data is limited to 16384 bytes');
  return decoded.toString('utf8');
}

/** What IAM is asked for a RunInstances (Service Authorization Reference): each resource made or used, and the tags. */
function authorize(account: Account, regionName: string, region: RegionState, wanted: Wanted): void {
  const may = (type: string, id?: string, context: Record<string, string> = {}) => ({
    action: 'ec2:RunInstances',
    arn: arn(regionName, type, id),
    context,
  });
  const create = (type: string) => may(type, undefined, tagContext('RequestTag', wanted.tags.get(type)));
  const instance = create('instance');
  account.authorize(
    {
      ...instance,
      context: {
        ...instance.context,
        'ec2:MetadataHttpTokens': wanted.metadata.httpTokens,
        'ec2:MetadataHttpPutResponseHopLimit': String(wanted.metadata.hopLimit),
        'ec2:InstanceMarketType': wanted.spot ? 'spot' : 'on-demand',
      },
    },
    create('volume'),
    create('network-interface'),
    ...(wanted.tags.has('spot-instances-request') ? [create('spot-instances-request')] : []),
    may('image', wanted.imageId),
    may('subnet', wanted.subnet.subnetId),
    ...wanted.groupIds.map((id) => may('security-group', id, tagContext('ResourceTag', region.groups.get(id)!.tags))),
    ...[...wanted.tags].map(([type, tags]) => ({
      action: 'ec2:CreateTags',
      arn: arn(regionName, type),
      context: { ...tagContext('RequestTag', tags), 'ec2:CreateAction': 'RunInstances' },
    })),
  );
}

/** The instance that a token already made. It is remembered for a day after that has been terminated. */
function repeated(account: Account, region: RegionState, token: string | undefined, fingerprint: string) {
  const before = token === undefined ? undefined : region.tokens.get(token);
  const instance = before && region.instances.get(before.instanceId);
  if (!instance || (instance.terminatedAt !== undefined && account.now > instance.terminatedAt + DAY_MS))
    return undefined;
  if (before.fingerprint !== fingerprint)
    throw new Ec2Error(
      'IdempotentParameterMismatch',
      `Arguments on this idempotent request are inconsistent with arguments used in previous request(s).`,
    );
  return instance;
}

function make(account: Account, regionName: string, region: RegionState, wanted: Wanted): DoubleInstance {
  const { behaviour } = account;
  account.checkQuota(region, wanted.instanceType, wanted.spot);
  if (behaviour.fullZones.has(wanted.subnet.zone))
    throw new Ec2Error(
      'InsufficientInstanceCapacity',
      `We currently do not have sufficient ${wanted.instanceType} capacity in the Availability Zone you requested.`,
      500,
    );
  const { tags, ...rest } = wanted;
  const instance: DoubleInstance = {
    ...rest,
    tags: tags.get('instance') ?? new Map(),
    otherTags: tags,
    instanceId: account.id('i'),
    reservationId: account.id('r'),
    region: regionName,
    createdAt: account.now,
    bootMs: behaviour.bootMs,
  };
  region.instances.set(instance.instanceId, instance);
  behaviour.addresses(instance).then(
    (addresses) => (instance.addresses = addresses),
    (error: unknown) => account.problems.push(error),
  );
  return instance;
}
