import type { MachineTags } from '../../../domain/fleet/machine';

/** That a host of an inventory is somebody's machine. */
export interface HostLease {
  /** The host's name in the inventory. */
  readonly host: string;
  readonly tags: MachineTags;
  readonly leasedAt: Date;
}

/**
 * Who has which host, kept so that it outlives a worker and is shared by all of them. Every method is one transaction
 * or one compare-and-swap.
 */
export interface HostLeases {
  /**
   * Gives a token one of `hosts` that nobody has, the first of them where nothing speaks against it. A token that has a
   * host already (of `hosts` or not) keeps it: its lease is the answer. Two calls at the same time never give one host
   * twice, nor two hosts to one token; a host that another call took first is passed over, not waited for.
   * @returns null when all are taken.
   */
  take(hosts: readonly string[], tags: MachineTags): Promise<HostLease | null>;
  /** The lease of a host, whoever has it. */
  get(host: string): Promise<HostLease | null>;
  /** The leases of an owner's token: one, or none. */
  find(owner: string, token: string): Promise<HostLease[]>;
  /** The leases of an owner. */
  list(owner: string): Promise<HostLease[]>;
  /** Ends the lease that this very owner and token have on a host; changes nothing where they have none. */
  release(host: string, owner: string, token: string): Promise<void>;
}
