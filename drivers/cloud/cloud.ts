import type { Machine, MachineSpec } from '../../domain/fleet/machine';

/** What a backend can promise; code that must hold on every backend relies on none of it. */
export interface CloudCapabilities {
  /** A second create with the same token gives the same machine. */
  readonly clientToken: boolean;
  /** A second machine of the same name is refused. */
  readonly uniqueNames: boolean;
  /** Tags are there from the moment the machine is. */
  readonly atomicTags: boolean;
  readonly spot: boolean;
  readonly loadBalancer: boolean;
  /** Milliseconds for which a machine that was just created may be missing from every read. */
  readonly readLagMs: number;
  /** Machines go on existing after `terminate` and are given away again: what was put on them has to be taken off. */
  readonly reused?: boolean;
}

/**
 * A place that machines come from. Every call is one short request or a few; waiting for a machine is the caller's.
 * Failures are those of domain/failures.ts: CLOUD_THROTTLED, CLOUD_QUOTA, CLOUD_CAPACITY, CLOUD_SPEC_REFUSED,
 * CLOUD_AUTH, CLOUD_CONFLICT, CLOUD_RECLAIMED, CLOUD_UNAVAILABLE (nothing happened) and CLOUD_OUTCOME_UNKNOWN (it may
 * have happened).
 */
export interface Cloud {
  /** As in a gateway's configuration: `static`, `docker` or `aws`. */
  readonly backend: string;
  readonly capabilities: CloudCapabilities;
  /** Creates a machine, its tags and host key in the same call. Does not look for one of the token first: see `find`. */
  create(spec: MachineSpec, signal?: AbortSignal): Promise<Machine>;
  /**
   * Finishes what a create call left half-way, for a machine that is `pending`; repeating it changes nothing. Only
   * backends have it whose create takes several calls.
   * @returns the machine as it is then.
   */
  complete?(machine: Machine, spec: MachineSpec, signal?: AbortSignal): Promise<Machine>;
  /** Machines of this owner that were created with a token, those that are gone left out. */
  find(owner: string, token: string, signal?: AbortSignal): Promise<Machine[]>;
  /** The machine, or null when the backend knows none of that id (any more). */
  get(instanceId: string, signal?: AbortSignal): Promise<Machine | null>;
  /**
   * Begins to destroy a machine; repeating it, or an id that is not known, changes nothing.
   * @throws Failure FORBIDDEN for a machine whose owner tag is not `owner`.
   */
  terminate(owner: string, instanceId: string, signal?: AbortSignal): Promise<void>;
  /** Every machine that carries this owner's tag, in every region configured, those that are gone left out. */
  list(owner: string, signal?: AbortSignal): Promise<Machine[]>;
  /** Lets go of connections. */
  close(): Promise<void>;
}
