import { Random } from '../../support/random';
import { Ec2Error } from './errors';
import { allows, type AccessRequest, type PolicyDocument } from './policy';
import { makeId, RegionState, stateAt, type Catalogue, type DoubleInstance } from './state';

/** How a double behaves; all of it may be changed while it runs. */
export interface DoubleBehaviour {
  seed: number;
  /** The time in milliseconds; the machine's own unless told. */
  now: () => number;
  /** Describe calls show things as they were up to that many milliseconds ago. */
  lagMs: number;
  /** Whether that age is another one in every call, so that what was shown may be missing again; else each thing's own. */
  flapping: boolean;
  bootMs: number;
  shutdownMs: number;
  /** Every nth call is answered RequestLimitExceeded; 0 for none. */
  throttleEvery: number;
  /** On-demand vCPUs per region. */
  vcpus: number;
  /** Spot instances per region. */
  spotInstances: number;
  /** Zones that have no machine to give. */
  readonly fullZones: Set<string>;
  /** False: a repeated client token makes another machine, as on clouds without idempotency. */
  clientTokens: boolean;
  /** What the caller may do; everything unless told. */
  policy: PolicyDocument | undefined;
  /** The addresses that an instance gets, asked for once it is being made; a test may start an sshd there. */
  addresses: (instance: DoubleInstance) => Promise<{ privateIp: string; publicIp: string }>;
  /** Told of every instance that begins to end. */
  ended: (instance: DoubleInstance) => void;
}

const vcpusOf: Readonly<Record<string, number>> = { 't3.micro': 2, 't3.small': 2, 'm5.large': 2, 'c5.4xlarge': 16 };

/** What one AWS account holds, and the rules that hold for all of its actions. */
export class Account {
  readonly behaviour: DoubleBehaviour;
  /** Every question that was put to IAM, allowed or not. */
  readonly accesses: AccessRequest[] = [];
  /** What went wrong behind the double, where its tests give it machines. */
  readonly problems: unknown[] = [];
  private readonly regions: Map<string, RegionState>;
  private readonly random: Random;
  private machines = 0;

  constructor(catalogues: Readonly<Record<string, Catalogue>>, behaviour: Partial<DoubleBehaviour>) {
    this.regions = new Map(Object.entries(catalogues).map(([name, catalogue]) => [name, new RegionState(catalogue)]));
    this.behaviour = {
      seed: 1,
      now: Date.now,
      lagMs: 0,
      flapping: false,
      bootMs: 0,
      shutdownMs: 0,
      throttleEvery: 0,
      vcpus: 1_000,
      spotInstances: 1_000,
      fullZones: new Set(),
      clientTokens: true,
      policy: undefined,
      addresses: async () => await Promise.resolve(this.nextAddresses()),
      ended: () => undefined,
      ...behaviour,
    };
    this.random = new Random(this.behaviour.seed);
  }

  region(name: string): RegionState {
    const region = this.regions.get(name);
    if (!region) throw new Ec2Error('AuthFailure', `There is no region ${name}`, 401);
    return region;
  }

  /** Everything that was ever made, in every region. */
  all(): DoubleInstance[] {
    return [...this.regions.values()].flatMap(({ instances }) => [...instances.values()]);
  }

  get now(): number {
    return this.behaviour.now();
  }

  /** For one Describe call: the moment that it is shown of a thing. */
  view(): (id: string) => number {
    const { now, behaviour } = this;
    const ofCall = behaviour.flapping ? this.random.next() : undefined;
    return (id) => {
      // The last digits of an id are as good as any number.
      const share = ofCall ?? Number.parseInt(id.slice(-4), 16) / 0xffff;
      return now - Math.round(share * behaviour.lagMs);
    };
  }

  id(prefix: string): string {
    return makeId(this.random, prefix);
  }

  /** @throws Ec2Error InvalidParameterValue, VcpuLimitExceeded, MaxSpotInstanceCountExceeded */
  checkQuota(region: RegionState, instanceType: string, spot: boolean): void {
    const wanted = vcpusOf[instanceType];
    if (wanted === undefined)
      throw new Ec2Error('InvalidParameterValue', `Invalid value '${instanceType}' for InstanceType.`);
    const alive = [...region.instances.values()].filter(
      (instance) => instance.spot === spot && !['terminated', undefined].includes(stateAt(instance, this.now)),
    );
    if (spot && alive.length + 1 > this.behaviour.spotInstances)
      throw new Ec2Error('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded');
    const used = alive.reduce((sum, instance) => sum + vcpusOf[instance.instanceType]!, 0);
    if (!spot && used + wanted > this.behaviour.vcpus)
      throw new Ec2Error(
        'VcpuLimitExceeded',
        `You have requested more vCPU capacity than your current vCPU limit of ${this.behaviour.vcpus} allows.`,
      );
  }

  /** @throws Ec2Error UnauthorizedOperation unless the policy allows every one. */
  authorize(...requests: readonly AccessRequest[]): void {
    this.accesses.push(...requests);
    const { policy } = this.behaviour;
    const refused = policy && requests.find((request) => !allows(policy, request));
    if (refused)
      throw new Ec2Error(
        'UnauthorizedOperation',
        `You are not authorized to perform this operation: ${refused.action} on resource: ${refused.arn}. ` +
          'Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm',
        403,
      );
  }

  private nextAddresses(): { privateIp: string; publicIp: string } {
    const number = ++this.machines;
    const tail = `${number >> 8}.${number & 255}`;
    return { privateIp: `10.0.${tail}`, publicIp: `198.18.${tail}` };
  }
}

/** Condition keys for tags: `aws:RequestTag/...` or `aws:ResourceTag/...`. */
export function tagContext(
  which: 'RequestTag' | 'ResourceTag',
  tags: ReadonlyMap<string, string> | undefined,
): Record<string, string> {
  return Object.fromEntries([...(tags ?? [])].map(([key, value]) => [`aws:${which}/${key}`, value]));
}

/** The ARN of something in a region; a new thing's is `*`. Images belong to no account. */
export function arn(region: string, type: string, id = '*'): string {
  return `arn:aws:ec2:${region}:${type === 'image' ? '' : '123456789012'}:${type}/${id}`;
}
