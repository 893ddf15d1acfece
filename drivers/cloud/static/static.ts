import { Failure } from '../../../domain/failures';
import { printable } from '../../../domain/hostname';
import { MachineState, type Machine, type MachineSpec } from '../../../domain/fleet/machine';
import type { Cloud, CloudCapabilities } from '../cloud';
import type { InventoryHost } from './inventory';
import type { HostLease, HostLeases } from './leases';

/** The label of a host that a configuration's instance type is compared with. */
const TYPE_LABEL = 'instance-type';

/**
 * Hosts that exist already and are leased instead of created. A machine's id is the host's name and the token, so that
 * whoever ends an old lease late does not end the next one. Its sshd's key is pinned by the inventory; the
 * installation's own public key must already be among the user's authorized keys.
 */
export class StaticCloud implements Cloud {
  readonly backend = 'static';
  readonly capabilities: CloudCapabilities = {
    clientToken: true,
    uniqueNames: false,
    atomicTags: true,
    spot: false,
    loadBalancer: false,
    readLagMs: 0,
    reused: true,
  };
  private readonly byName: ReadonlyMap<string, InventoryHost>;

  constructor(
    private readonly hosts: readonly InventoryHost[],
    private readonly leases: HostLeases,
  ) {
    this.byName = new Map(hosts.map((host) => [host.name, host]));
  }

  async create({ tags, region, instanceType }: MachineSpec, signal?: AbortSignal): Promise<Machine> {
    signal?.throwIfAborted();
    const ofRegion = this.hosts.filter((host) => host.region === region);
    if (ofRegion.length === 0) throw new Failure('CLOUD_SPEC_REFUSED', `no host is in the region ${printable(region)}`);
    const fitting = ofRegion.filter((host) => !instanceType || host.labels[TYPE_LABEL] === instanceType);
    if (fitting.length === 0)
      throw new Failure(
        'CLOUD_SPEC_REFUSED',
        `no host in ${region} has the label ${TYPE_LABEL}: ${printable(instanceType)}`,
      );
    const lease = await this.leases.take(
      fitting.map(({ name }) => name),
      tags,
    );
    if (!lease) throw new Failure('CLOUD_CAPACITY', `all ${fitting.length} fitting hosts in ${region} are taken`);
    return this.machine(lease);
  }

  async find(owner: string, token: string): Promise<Machine[]> {
    return (await this.leases.find(owner, token)).map((lease) => this.machine(lease));
  }

  async get(instanceId: string): Promise<Machine | null> {
    const lease = await this.lease(instanceId);
    return lease && this.machine(lease);
  }

  async terminate(owner: string, instanceId: string): Promise<void> {
    const lease = await this.lease(instanceId);
    if (!lease) return;
    if (lease.tags.owner !== owner)
      throw new Failure('FORBIDDEN', `the host ${lease.host} is leased by another installation`);
    await this.leases.release(lease.host, owner, lease.tags.token);
  }

  async list(owner: string): Promise<Machine[]> {
    return (await this.leases.list(owner)).map((lease) => this.machine(lease));
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  /** The lease that an instance id names, if it is still that one. */
  private async lease(instanceId: string): Promise<HostLease | null> {
    const slash = instanceId.indexOf('/');
    if (slash < 0) return null;
    const lease = await this.leases.get(instanceId.slice(0, slash));
    return lease?.tags.token === instanceId.slice(slash + 1) ? lease : null;
  }

  /** A host that left the inventory while it was leased can still be ended, but no longer be reached. */
  private machine({ host: name, tags, leasedAt }: HostLease): Machine {
    const host = this.byName.get(name);
    return {
      instanceId: `${name}/${tags.token}`,
      state: host ? MachineState.running : MachineState.stopping,
      tags,
      ssh: host ? { host: host.host, port: host.port, user: host.user } : null,
      serves: host?.serves ?? null,
      region: host?.region ?? '',
      createdAt: leasedAt,
      ...(host && { hostKeyFingerprint: host.hostKey }),
    };
  }
}
