import { Failure } from '../../domain/failures';
import type { FleetReplica } from '../../domain/fleet/gateway';
import type { SshAddress } from '../../domain/fleet/machine';
import type { FleetPorts } from './ports';
import { clientKeyOf } from './keys';

/** The way to a replica's machine: where its sshd is, what proves that it is the right one, and what lets us in. */
export interface Way {
  readonly ssh: SshAddress;
  /** The public key that its sshd must identify itself with. */
  readonly hostPublicKey: string;
  readonly privateKey: string;
  /** `ip:port` that edges reach the replica at. */
  readonly serves: string;
}

/** @throws Failure MACHINE_GONE for a replica whose machine has no address. */
export function wayTo({ secrets }: FleetPorts, replica: FleetReplica): Way {
  const { ssh, serves, hostPublicKey } = replica;
  if (!ssh || serves === null || hostPublicKey === null)
    throw new Failure('MACHINE_GONE', `replica ${replica.id} has no machine that can be reached`);
  return { ssh, serves, hostPublicKey, privateKey: clientKeyOf(secrets).privateKey };
}
