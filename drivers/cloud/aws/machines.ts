import { isIPv4 } from 'node:net';
import type { Instance, Tag } from '@aws-sdk/client-ec2';
import {
  MachineState,
  type Machine,
  type MachineEnd,
  type MachineSpec,
  type MachineTags,
} from '../../../domain/fleet/machine';
import type { AwsSettings } from './settings';

/** Tag keys of {@link MachineTags}; the policy document names the first. */
export const tagKeys = {
  owner: 'gatewright:owner',
  organizationId: 'gatewright:organization',
  gatewayId: 'gatewright:gateway',
  replicaId: 'gatewright:replica',
  token: 'gatewright:token',
} as const satisfies Record<keyof MachineTags, string>;

/** Remembers whether a public address was asked for: until it is there, a machine has only its private one. */
const PUBLIC_IP = 'gatewright:public-ip';

/** The states of instances that are not gone; those that somebody stopped cost money, too. */
export const presentStates = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];

const states: Readonly<Record<string, MachineState>> = {
  pending: MachineState.pending,
  running: MachineState.running,
  'shutting-down': MachineState.stopping,
  stopping: MachineState.stopping,
  stopped: MachineState.stopping,
  terminated: MachineState.gone,
};

/** The tags that a machine and what comes with it are made with. */
export function tagsOf(spec: MachineSpec): Tag[] {
  return [
    ...Object.entries(spec.userTags).map(([Key, Value]) => ({ Key, Value })),
    { Key: 'Name', Value: spec.name },
    { Key: PUBLIC_IP, Value: String(spec.publicIp) },
    ...(Object.keys(tagKeys) as (keyof MachineTags)[]).map((name) => ({ Key: tagKeys[name], Value: spec.tags[name] })),
  ].filter(({ Key }, index, all) => all.findLastIndex((other) => other.Key === Key) === index);
}

/**
 * Our id of an instance, with its region: EC2 is asked per region, and an id that no region knows must be told from one
 * whose region does not answer.
 */
export function machineId(region: string, instanceId: string): string {
  return `${region}/${instanceId}`;
}

/** The parts of {@link machineId}, or null for what cannot be one. */
export function parseMachineId(id: string): { region: string; instanceId: string } | null {
  const match = /^([a-z0-9-]{1,40})\/(i-[0-9a-f]{8,17})$/.exec(id);
  return match && { region: match[1]!, instanceId: match[2]! };
}

/** An instance as EC2 describes it, in our words; null for an answer that names none. */
export function toMachine(region: string, instance: Instance, settings: AwsSettings): Machine | null {
  const id = machineId(region, instance.InstanceId ?? '');
  if (!parseMachineId(id)) return null;
  const state = states[instance.State?.Name ?? 'pending'] ?? MachineState.pending;
  const tag = new Map((instance.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
  const addresses = {
    public: literal(instance.PublicIpAddress),
    private: literal(instance.PrivateIpAddress),
  };
  const reached = tag.get(PUBLIC_IP) === 'false' ? addresses.private : addresses.public;
  const end = endOf(instance);
  return {
    instanceId: id,
    state,
    tags: Object.fromEntries(
      Object.entries(tagKeys).flatMap(([name, key]) => (tag.has(key) ? [[name, tag.get(key)]] : [])),
    ),
    ssh: reached === null ? null : { host: reached, port: settings.sshPort ?? 22, user: settings.sshUser },
    serves: settings.serves === undefined ? reached : addresses[settings.serves],
    region,
    createdAt: instance.LaunchTime ?? null,
    ...(end && { end }),
  };
}

/**
 * Why EC2 ended an instance by itself, from its StateReason (EC2 user guide, "Why did my instance terminate"): a spot
 * instance taken back, or one that never came up.
 */
function endOf({ State, StateReason }: Instance): MachineEnd | undefined {
  const code = StateReason?.Code ?? '';
  if (State?.Name === 'pending' || State?.Name === 'running') return undefined;
  const message = `EC2: ${code}: ${(StateReason?.Message ?? '').replace(/[^\x20-\x7e]+/g, ' ').slice(0, 300)}`;
  if (/^Server\.SpotInstance(Termination|Shutdown)$/.test(code)) return { code: 'CLOUD_RECLAIMED', message };
  if (code === 'Server.InsufficientInstanceCapacity') return { code: 'CLOUD_CAPACITY', message };
  if (/LimitExceeded$/.test(code)) return { code: 'CLOUD_QUOTA', message };
  if (/^Client\.(InvalidSnapshot|InternalError|InvalidParameter)/.test(code))
    return { code: 'CLOUD_SPEC_REFUSED', message };
  return undefined;
}

function literal(address: string | undefined): string | null {
  return address !== undefined && isIPv4(address) ? address : null;
}
