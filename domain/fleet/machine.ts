import type { FailureCode } from '../failures';

/** What a backend calls a machine's condition, in our words. */
export const MachineState = {
  /** Being made or booting. */
  pending: 'pending',
  running: 'running',
  /** On its way out, or stopped behind our back: it may still answer, costs, and will not run again by itself. */
  stopping: 'stopping',
  /** Gone for good; backends may show it for a while. */
  gone: 'gone',
} as const;
export type MachineState = (typeof MachineState)[keyof typeof MachineState];

/** Whose a machine is; written as tags (labels) in the very call that creates it. */
export interface MachineTags {
  /** The installation of Gatewright that it belongs to. A machine of another owner is never touched. */
  readonly owner: string;
  readonly organizationId: string;
  readonly gatewayId: string;
  readonly replicaId: string;
  /** The client token of its creation (see {@link machineToken}). */
  readonly token: string;
}

/** What a machine is to be. Holds the private host key, so it never travels through Temporal. */
export interface MachineSpec {
  readonly tags: MachineTags;
  /** For people: letters, digits and hyphens, at most 63. */
  readonly name: string;
  readonly region: string;
  /** The backend's own name of a size; its default when absent. */
  readonly instanceType?: string;
  readonly publicIp: boolean;
  /** The user's own tags; none of them begins with `gatewright`. */
  readonly userTags: Readonly<Record<string, string>>;
  /** The key that the machine's sshd will identify itself with, injected at creation. */
  readonly hostKey: { readonly privateKey: string; readonly publicKey: string };
  /** The public key that may log in, one line. */
  readonly authorizedKey: string;
}

/** Where a machine's sshd listens. */
export interface SshAddress {
  /** A literal IP address. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** Why a backend ended a machine by itself. */
export interface MachineEnd {
  /** As CLOUD_RECLAIMED for a spot machine taken back, CLOUD_CAPACITY for one that never came up. */
  readonly code: FailureCode;
  readonly message: string;
}

/** A machine as its backend shows it. */
export interface Machine {
  readonly instanceId: string;
  readonly state: MachineState;
  /** What of our tags it carries; `owner` tells whether it is ours. */
  readonly tags: Partial<MachineTags>;
  /** Null until the backend has given it an address. */
  readonly ssh: SshAddress | null;
  /** The literal IP address that edges reach it at; null until it has one. */
  readonly serves: string | null;
  readonly region: string;
  readonly createdAt: Date | null;
  /**
   * Where the backend itself says which key the machine's sshd has: its SHA-256 fingerprint as OpenSSH writes it
   * (`SHA256:` and 43 characters of base64). It then holds instead of the injected one.
   */
  readonly hostKeyFingerprint?: string;
  /** There when the machine is stopping or gone and the backend says that it was its own doing. */
  readonly end?: MachineEnd;
}

/** Whether a machine runs, or is going to. */
export function isUsable({ state }: Pick<Machine, 'state'>): boolean {
  return state === MachineState.pending || state === MachineState.running;
}

/**
 * The idempotency token of the one machine that a replica may ever have; a replacement is another replica. At most 64
 * ASCII characters, as EC2 demands.
 */
export function machineToken(replicaId: string): string {
  return `gatewright-${replicaId}`;
}
