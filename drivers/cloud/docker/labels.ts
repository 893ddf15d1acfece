import type { ContainerCreateOptions } from 'dockerode';
import { Failure } from '../../../domain/failures';
import { printable } from '../../../domain/hostname';
import { MachineState, type Machine, type MachineSpec, type MachineTags } from '../../../domain/fleet/machine';

/** Names of our labels; users' own do not begin so. */
const PREFIX = 'gatewright.';
export const label = {
  owner: `${PREFIX}owner`,
  organizationId: `${PREFIX}organization`,
  gatewayId: `${PREFIX}gateway`,
  replicaId: `${PREFIX}replica`,
  token: `${PREFIX}token`,
  name: `${PREFIX}name`,
  region: `${PREFIX}region`,
  /** `ip:port` of its sshd. */
  ssh: `${PREFIX}ssh`,
} as const;

/** The user that logs in: the one that the machine image has. */
export const machineUser = 'root';

/**
 * The labels of a machine, all written by the call that creates its container.
 * @throws Failure CLOUD_SPEC_REFUSED for a user's tag that could be taken for one of ours.
 */
export function labelsOf({ tags, name, region, userTags }: MachineSpec, ssh: string): Record<string, string> {
  const reserved = Object.keys(userTags).find((key) => key.toLowerCase().startsWith('gatewright'));
  if (reserved !== undefined) throw new Failure('CLOUD_SPEC_REFUSED', `the tag ${printable(reserved)} is reserved`);
  const own = { ...tags, name, region, ssh };
  const ours = Object.entries(label).map(([key, full]) => [full, own[key as keyof typeof label]] as const);
  return { ...userTags, ...Object.fromEntries(ours) };
}

/** A container as the engine lists or inspects it, of which we read this much. */
export interface ContainerView {
  readonly id: string;
  /** As in `created`, `running`, `exited`. */
  readonly state: string;
  readonly labels: Readonly<Record<string, string>> | null | undefined;
  readonly createdAt: Date | null;
}

/** What of a container the interface of backends shows. */
export function machineOf({ id, state, labels: given, createdAt }: ContainerView): Machine {
  const labels = given ?? {};
  const tags = (['owner', 'organizationId', 'gatewayId', 'replicaId', 'token'] as const).flatMap((key) => {
    const value = labels[label[key]];
    return value === undefined ? [] : [[key, value] as const];
  });
  const [host, port] = (labels[label.ssh] ?? '').split(':');
  const known = host !== undefined && /^[0-9.]{7,15}$/.test(host) && /^[0-9]{1,5}$/.test(port ?? '');
  return {
    instanceId: id,
    state: stateOf(state),
    tags: Object.fromEntries(tags) as Partial<MachineTags>,
    ssh: known ? { host, port: Number(port), user: machineUser } : null,
    serves: known ? host : null,
    region: labels[label.region] ?? '',
    createdAt,
  };
}

function stateOf(state: string): MachineState {
  switch (state.toLowerCase()) {
    case 'created':
    case 'configured': // podman, before the container's files are there
    case 'initialized':
    case 'restarting':
      return MachineState.pending;
    case 'running':
    case 'paused': // it stands still: its health check tells
      return MachineState.running;
    default:
      return MachineState.stopping;
  }
}

/** How a machine's container is made, beside its name and labels. */
export function containerOptions(image: string): ContainerCreateOptions {
  return {
    Image: image,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    HostConfig: {
      NetworkMode: 'host',
      RestartPolicy: { Name: 'no' },
      // Where the engine itself is confined, podman cannot raise these to its defaults.
      Ulimits: [
        { Name: 'nofile', Soft: 1024, Hard: 1024 },
        { Name: 'nproc', Soft: 4096, Hard: 4096 },
      ],
    },
  };
}
