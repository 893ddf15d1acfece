import { createHash } from 'node:crypto';
import type { FleetGateway, GatewayConfiguration } from '../../domain/fleet/gateway';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';
import type { BackendSettings } from '../../domain/settings';
import type { FleetCommands } from '../fleet/commands';
import type { GivenConfiguration, GivenSpec } from './schemas';
import { isBefore, type ClientVersion } from './version';

/** The only backend of dstack's names under which its clients let ours through that are no cloud; they show it as `ssh`. */
const REMOTE = 'remote';

/** How dstack's clients know a backend. */
export function shownBackend(backend: string): string {
  return backend === 'static' || backend === 'docker' ? REMOTE : backend;
}

/** A configuration as dstack's clients read it, and compare with their own. */
export interface ShownConfiguration {
  readonly type: 'gateway';
  readonly name: string;
  readonly default: boolean | null;
  readonly [member: string]: unknown;
}

/**
 * Every member has its default filled in, in what is there and in what is wanted alike: the client itself looks for
 * differences, member by member.
 */
export function shownConfiguration(
  { name, backend, region, instanceType, domain, publicIp, certificate, replicas, tags, ...rest }: GatewayConfiguration,
  isDefault: boolean | null = rest.default,
  version: ClientVersion = null,
): ShownConfiguration {
  return {
    ...{ type: 'gateway', name },
    // Before 0.21.1 there was no third way to say it.
    default: isBefore(version, [0, 21, 1]) ? (rest.default ?? false) : isDefault,
    ...{ backend: shownBackend(backend), region, instance_type: instanceType },
    ...{ domain, public_ip: publicIp, certificate, replicas, tags },
  };
}

/**
 * Reads a configuration as one of ours.
 * @throws Failure INVALID_INPUT with what is wrong; BACKEND_UNAVAILABLE for a region that no such backend has.
 */
export function wantedConfiguration(
  fleet: FleetCommands,
  spec: Pick<GivenSpec, 'configuration'>,
  version: ClientVersion,
  organizationId: string,
): GatewayConfiguration {
  const { router: _, load_balancer: balancer, ...given } = spec.configuration;
  if (balancer) throw new Failure('INVALID_INPUT', 'load_balancer is not supported: the edges are in front.');
  if (given.certificate?.type === 'gcp-cm')
    throw new Failure('INVALID_INPUT', 'gcp-cm certificate type is supported for gcp backend only');
  const unsaid = given.default === null || (given.default === false && isBefore(version, [0, 21, 1]));
  return fleet.configuration({
    ...given,
    name: given.name ?? ownName(given, organizationId),
    backend: ourBackend(fleet.backends, given),
    default: unsaid ? null : given.default,
  });
}

/** The name of a gateway whose file has none: the same for the same file, so that one sent twice makes one gateway. */
function ownName(given: Omit<GivenConfiguration, 'router'>, organizationId: string): string {
  const text = JSON.stringify([organizationId, Object.entries(given).sort(([one], [other]) => (one < other ? -1 : 1))]);
  return `gateway-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}

/** Which backend a client means: `remote` is whichever has such a region. */
function ourBackend(
  backends: readonly BackendSettings[],
  { backend, region }: Pick<GivenConfiguration, 'backend' | 'region'>,
): string {
  if (backend !== REMOTE) return backend;
  const remote = backends.filter((each) => shownBackend(each.backend) === REMOTE);
  const [found, second] = remote.filter(({ regions }) => regions.includes(region));
  const there = remote.flatMap(({ regions }) => regions).join(', ') || 'none';
  if (!found)
    throw new Failure('BACKEND_UNAVAILABLE', `Backend remote has no region ${printable(region)}; there is ${there}.`);
  if (second)
    throw new Failure('BACKEND_UNAVAILABLE', `Several backends have a region ${region}; gatewright can name which.`);
  return found.backend;
}

/**
 * What a gateway's `instance_id` says, which clients give back as they got it: its version for people, and a print of
 * everything that was ever said of it. The version alone would change with every step of its replicas.
 */
export function revisionOf({ id, configuration, profile, resourceVersion }: FleetGateway): string {
  const text = JSON.stringify([id, shownConfiguration({ ...configuration, default: null }), profile]);
  return `${resourceVersion}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** Whether two revisions are of the same gateway with the same configuration. */
export function sameRevision(one: string, other: string): boolean {
  const print = (revision: string): string => revision.slice(revision.indexOf('-') + 1);
  return print(one) === print(other);
}
