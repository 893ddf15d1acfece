import type { Random } from '../../support/random';

/** Time as the double sees it; tests move it on by hand. */
export class ManualClock {
  constructor(private time = Date.UTC(2026, 0, 1)) {}

  readonly now = (): number => this.time;

  advance(ms: number): void {
    this.time += ms;
  }
}

export interface Subnet {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly zone: string;
}

/** What a region offers. */
export interface Catalogue {
  readonly images: readonly string[];
  readonly subnets: readonly Subnet[];
}

export interface Group {
  readonly groupId: string;
  readonly name: string;
  readonly description: string;
  readonly vpcId: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly createdAt: number;
  /** As `tcp 22 22 10.0.0.0/8`. */
  readonly permissions: Set<string>;
}

/** An instance with its whole life; what it is at a moment is told by {@link stateAt}. */
export interface DoubleInstance {
  readonly instanceId: string;
  readonly reservationId: string;
  readonly region: string;
  readonly token: string | undefined;
  readonly imageId: string;
  readonly instanceType: string;
  readonly subnet: Subnet;
  readonly groupIds: readonly string[];
  readonly tags: ReadonlyMap<string, string>;
  /** Tags of what was made with it, by type of resource. */
  readonly otherTags: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly publicIp: boolean;
  readonly spot: boolean;
  readonly metadata: { readonly httpTokens: string; readonly hopLimit: number };
  /** Decoded. */
  readonly userData: string;
  readonly createdAt: number;
  readonly bootMs: number;
  addresses?: { readonly privateIp: string; readonly publicIp: string };
  stoppedAt?: number;
  endedAt?: number;
  terminatedAt?: number;
  reason?: { readonly code: string; readonly message: string };
}

/** How long a terminated instance is still shown ("a short time, usually less than one hour"). */
const SHOWN_MS = 3_600_000;

export const stateCodes = { pending: 0, running: 16, 'shutting-down': 32, terminated: 48, stopped: 80 } as const;
export type Ec2State = keyof typeof stateCodes;

/** What an instance is at a moment; undefined when it is not there yet or no longer shown. */
export function stateAt(instance: DoubleInstance, time: number): Ec2State | undefined {
  const { createdAt, bootMs, addresses, stoppedAt, endedAt, terminatedAt } = instance;
  if (time < createdAt) return undefined;
  if (terminatedAt !== undefined && time >= terminatedAt)
    return time > terminatedAt + SHOWN_MS ? undefined : 'terminated';
  if (endedAt !== undefined && time >= endedAt) return 'shutting-down';
  if (stoppedAt !== undefined && time >= stoppedAt) return 'stopped';
  return time >= createdAt + bootMs && addresses ? 'running' : 'pending';
}

/** What exists in one region. */
export class RegionState {
  readonly instances = new Map<string, DoubleInstance>();
  readonly groups = new Map<string, Group>();
  readonly tokens = new Map<string, { readonly fingerprint: string; readonly instanceId: string }>();

  constructor(readonly catalogue: Catalogue) {}
}

/** Ids as EC2's: a prefix and 17 hexadecimal digits, decided by the seed. */
export function makeId(random: Random, prefix: string): string {
  const digits = Array.from({ length: 17 }, () => random.between(0, 15).toString(16)).join('');
  return `${prefix}-${digits}`;
}

/** Whether what is described fits a filter's value, in which `*` and `?` are wildcards unless escaped. */
export function matches(pattern: string, value: string): boolean {
  const expression = pattern.replace(/\\[\\*?]|[*?]|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.length === 2 ? part : `\\${part}`;
  });
  return new RegExp(`^${expression}$`, 's').test(value);
}
