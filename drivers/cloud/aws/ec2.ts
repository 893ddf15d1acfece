import {
  DescribeInstancesCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type DescribeInstancesCommandInput,
  type Instance,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { Failure } from '../../../domain/failures';
import { printable } from '../../../domain/hostname';
import { MachineState, type Machine, type MachineSpec } from '../../../domain/fleet/machine';
import type { Cloud, CloudCapabilities } from '../cloud';
import { RegionApi } from './api';
import { awsCode, Effect } from './errors';
import { parseMachineId, presentStates, tagKeys, tagsOf, toMachine } from './machines';
import { SecurityGroups } from './security-group';
import { READ_LAG_MS, readAwsSettings, type AwsSettings } from './settings';
import { userData } from './user-data';

/** What a call that makes an instance makes. */
const madeWith = ['instance', 'volume', 'network-interface'] as const;

/** How many machines are remembered; more than one installation has. */
const SEEN = 10_000;

interface Region {
  readonly api: RegionApi;
  readonly groups: SecurityGroups;
}

/**
 * EC2 instances. What a caller must know beside {@link Cloud}: reads lag (`readLagMs`), so neither an empty `find` nor a
 * `get` that answers null is proof of anything until that long after the last create; see README.md.
 */
export class AwsCloud implements Cloud {
  readonly backend = 'aws';
  readonly capabilities: CloudCapabilities;
  private readonly regions: ReadonlyMap<string, Region>;
  /** Owners of machines that this process was shown: a later read that lags does not make them unknown again. */
  private readonly seen = new Map<string, string>();

  private readonly settings: AwsSettings;

  /** @throws Failure INVALID_INPUT for settings that cannot be. */
  constructor(options: AwsSettings) {
    const settings = readAwsSettings(options);
    this.settings = settings;
    this.capabilities = {
      clientToken: settings.clientToken ?? true,
      uniqueNames: false,
      atomicTags: true,
      spot: true,
      loadBalancer: false,
      readLagMs: settings.readLagMs ?? READ_LAG_MS,
    };
    this.regions = new Map(
      Object.keys(settings.regions).map((name) => {
        const api = new RegionApi(name, settings);
        return [name, { api, groups: new SecurityGroups(api, settings) }];
      }),
    );
  }

  /**
   * @throws Failure MACHINE_GONE when the token's machine was made before and has ended, CLOUD_RECLAIMED when AWS took
   * it back; CLOUD_OUTCOME_UNKNOWN when EC2 was asked and no answer tells.
   */
  async create(spec: MachineSpec, signal?: AbortSignal): Promise<Machine> {
    if (!this.regions.has(spec.region))
      throw new Failure('CLOUD_SPEC_REFUSED', `the aws backend has no region ${printable(spec.region)} configured`);
    const { api, groups } = this.region(spec.region);
    const group = await groups.ensure(spec.tags.owner, spec.tags.organizationId);
    const request = this.request(spec, group);
    const { Instances } = await api
      .call(Effect.machine, signal, (client, options) => client.send(new RunInstancesCommand(request), options))
      .catch((error: unknown) => {
        if (awsCode(error) === 'InvalidGroup.NotFound') groups.forget(group);
        throw error;
      });
    const [machine] = this.read(spec.region, Instances ?? []);
    if (!machine) throw new Failure('CLOUD_OUTCOME_UNKNOWN', 'EC2 made a machine and did not name it');
    // A repeated token is answered with its machine for a day after that has ended.
    if (machine.end) throw new Failure(machine.end.code, machine.end.message);
    if (machine.state === MachineState.gone || machine.state === MachineState.stopping)
      throw new Failure('MACHINE_GONE', `${machine.instanceId} was made for this replica and has been terminated`);
    return machine;
  }

  async find(owner: string, token: string, signal?: AbortSignal): Promise<Machine[]> {
    return await this.everywhere({ [tagKeys.owner]: owner, [tagKeys.token]: token }, signal);
  }

  async get(instanceId: string, signal?: AbortSignal): Promise<Machine | null> {
    const id = parseMachineId(instanceId);
    if (!id) return null;
    try {
      const [machine] = await this.describe(id.region, { InstanceIds: [id.instanceId] }, signal);
      return machine ?? null;
    } catch (error) {
      if (awsCode(error) === 'InvalidInstanceID.NotFound') return null;
      throw error;
    }
  }

  async terminate(owner: string, instanceId: string, signal?: AbortSignal): Promise<void> {
    const id = parseMachineId(instanceId);
    const machine = await this.get(instanceId, signal);
    const carried = machine ? machine.tags.owner : this.seen.get(instanceId);
    if (!id || machine?.state === MachineState.gone || (!machine && carried === undefined)) return;
    if (carried !== owner)
      throw new Failure('FORBIDDEN', `${instanceId} carries another owner’s tag and is left alone`);
    try {
      await this.region(id.region).api.call(Effect.machine, signal, (client, options) =>
        client.send(new TerminateInstancesCommand({ InstanceIds: [id.instanceId] }), options),
      );
    } catch (error) {
      if (!/^Invalid.*\.NotFound$/.test(awsCode(error) ?? '')) throw error;
      // Something of it was not there any more: somebody else is ending it, or has.
      const now = await this.get(instanceId, signal);
      if (now && now.state !== MachineState.gone && now.state !== MachineState.stopping) throw error;
    }
  }

  /** A region that does not answer fails the whole list: what is missing from a list counts as gone. */
  async list(owner: string, signal?: AbortSignal): Promise<Machine[]> {
    return await this.everywhere({ [tagKeys.owner]: owner }, signal);
  }

  async close(): Promise<void> {
    for (const { api } of this.regions.values()) api.close();
    await Promise.resolve();
  }

  private async everywhere(tags: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Machine[]> {
    const Filters = [
      ...Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [literally(value)] })),
      { Name: 'instance-state-name', Values: presentStates },
    ];
    const found = await Promise.all(
      [...this.regions.keys()].map((region) => this.describe(region, { Filters }, signal)),
    );
    // Filters are EC2's; whose a machine is, is ours to know.
    return found.flat().filter(({ tags: carried }) => carried.owner === tags[tagKeys.owner]);
  }

  private async describe(
    region: string,
    which: DescribeInstancesCommandInput,
    signal: AbortSignal | undefined,
  ): Promise<Machine[]> {
    const { api } = this.region(region);
    const machines: Machine[] = [];
    // EC2 takes no page size beside ids.
    const MaxResults = which.InstanceIds ? undefined : (this.settings.pageSize ?? 1_000);
    let NextToken: string | undefined;
    do {
      const page = await api.call(Effect.none, signal, (client, options) =>
        client.send(new DescribeInstancesCommand({ ...which, MaxResults, NextToken }), options),
      );
      const instances = (page.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
      machines.push(...this.read(region, instances));
      NextToken = page.NextToken || undefined;
    } while (NextToken !== undefined);
    return machines;
  }

  private read(region: string, instances: readonly Instance[]): Machine[] {
    const machines = instances.flatMap((instance) => toMachine(region, instance, this.settings) ?? []);
    for (const { instanceId, state, tags } of machines) {
      this.seen.delete(instanceId); // the newest last
      if (state !== MachineState.gone && tags.owner !== undefined) this.seen.set(instanceId, tags.owner);
    }
    for (const oldest of this.seen.keys())
      if (this.seen.size > SEEN) this.seen.delete(oldest);
      else break;
    return machines;
  }

  private request(spec: MachineSpec, group: string): RunInstancesCommandInput {
    const { imageId, subnetId } = this.settings.regions[spec.region]!;
    const Tags = tagsOf(spec);
    return {
      ClientToken: spec.tags.token,
      ImageId: imageId,
      InstanceType: (spec.instanceType ?? this.settings.instanceType) as RunInstancesCommandInput['InstanceType'],
      MinCount: 1,
      MaxCount: 1,
      NetworkInterfaces: [
        {
          DeviceIndex: 0,
          SubnetId: subnetId,
          Groups: [group],
          AssociatePublicIpAddress: spec.publicIp,
          DeleteOnTermination: true,
        },
      ],
      // Everything that is made is ours to find, and the policy lets nothing be made without our tag.
      TagSpecifications: [
        ...madeWith,
        ...(this.settings.spot === true ? (['spot-instances-request'] as const) : []),
      ].map((ResourceType) => ({ ResourceType, Tags })),
      MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      // A machine that shuts itself down is not to stay behind, stopped and paid for.
      InstanceInitiatedShutdownBehavior: 'terminate',
      UserData: Buffer.from(userData(spec)).toString('base64'),
      ...(this.settings.rootDevice === undefined
        ? {}
        : { BlockDeviceMappings: [{ DeviceName: this.settings.rootDevice, Ebs: { DeleteOnTermination: true } }] }),
      ...(this.settings.spot === true
        ? {
            InstanceMarketOptions: {
              MarketType: 'spot' as const,
              SpotOptions: {
                SpotInstanceType: 'one-time' as const,
                InstanceInterruptionBehavior: 'terminate' as const,
              },
            },
          }
        : {}),
    };
  }

  private region(name: string): Region {
    const region = this.regions.get(name);
    if (!region) throw new Failure('BACKEND_UNAVAILABLE', `the aws backend has no region ${name} configured`);
    return region;
  }
}

/** A filter's value without its wildcards. */
function literally(value: string): string {
  return value.replace(/[\\*?]/g, '\\$&');
}
