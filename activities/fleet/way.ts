import { Failure } from '../../domain/failures';
import type { FleetReplica } from '../../domain/fleet/gateway';
import type { Way } from './hosts';
import { clientKeyOf } from './keys';
import type { FleetPorts } from './ports';

/** @throws Failure MACHINE_GONE for a replica whose machine has no address. */
export function wayTo({ secrets }: FleetPorts, replica: FleetReplica): Way {
  const { ssh, serves, hostPublicKey } = replica;
  if (!ssh || serves === null || hostPublicKey === null)
    throw new Failure('MACHINE_GONE', `replica ${replica.id} has no machine that can be reached`);
  return { ssh, serves, hostPublicKey, privateKey: clientKeyOf(secrets).privateKey };
}
