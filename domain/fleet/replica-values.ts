import { Failure } from '../failures';
import type { Profile } from './profile';
import { profileValues, type ProfileValues, type ValueSpec } from './values';

/** What every replica has that a profile may ask for, by the name of the value. */
export interface ReplicaFacts {
  readonly organizationId: string;
  readonly gatewayId: string;
  readonly replicaId: string;
  /** The literal IP address that the replica serves at. */
  readonly address: string;
  readonly port: number;
  /** The name of the secret that the pool and the replica's agent share. */
  readonly replicaSecret: string;
  /** Base URL of the API as machines reach it; empty when they do not. */
  readonly api: string;
}

/** The types that a profile may give to those values. */
const types: Readonly<Record<keyof ReplicaFacts, readonly ValueSpec['type'][]>> = {
  organizationId: ['uuid', 'string'],
  gatewayId: ['uuid', 'string'],
  replicaId: ['uuid', 'string'],
  address: ['ip', 'string'],
  port: ['port', 'int'],
  replicaSecret: ['secretRef'],
  api: ['string'],
};

/**
 * Makes sure that replicas can be configured with a profile: what it asks for is what every replica has, or has a default.
 * @throws Failure PROFILE_INVALID naming the value.
 */
export function requireReplicaProfile(profile: Profile): void {
  for (const [name, spec] of Object.entries(profile.values)) {
    if (Object.hasOwn(types, name)) {
      const allowed = types[name as keyof ReplicaFacts];
      if (!allowed.includes(spec.type))
        throw new Failure('PROFILE_INVALID', `values.${name} must be of type ${allowed.join(' or ')}`);
    } else if (!('default' in spec) || spec.default === undefined) {
      throw new Failure('PROFILE_INVALID', `values.${name} has no default and is nothing that every replica has`);
    }
  }
}

/**
 * The values of a profile for one replica: what the profile asks for of what the replica has, and defaults.
 * @throws Failure PROFILE_INVALID
 */
export function valuesOfReplica(profile: Profile, facts: ReplicaFacts): ProfileValues {
  requireReplicaProfile(profile);
  const given = Object.entries(facts).filter(([name]) => Object.hasOwn(profile.values, name));
  return profileValues(profile.values, Object.fromEntries(given));
}

/** The names of the secrets that a profile's values refer to, by the name of the value. */
export function secretsOf(profile: Profile, values: ProfileValues): Record<string, string> {
  const references = Object.entries(profile.values).filter(([, spec]) => spec.type === 'secretRef');
  return Object.fromEntries(references.map(([name]) => [name, String(values[name])]));
}
