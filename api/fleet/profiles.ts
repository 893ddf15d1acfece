import { shippedProfile, type ProfileRevision } from '../../domain/fleet/gateway';
import { printable } from '../../domain/hostname';
import { Failure } from '../../domain/failures';
import type { Profiles } from '../../prisma/fleet-store';

/**
 * The revision that the profile of a configuration has now; the shipped one where none is named and the organization
 * has no `default` of its own.
 * @throws Failure INVALID_INPUT when there is no profile of that name.
 */
export async function profileRevisionOf(
  profiles: Profiles,
  organizationId: string,
  named: string | null,
): Promise<ProfileRevision> {
  const name = named ?? shippedProfile.name;
  const stored = await profiles.get(organizationId, name);
  if (stored) return { name, revision: stored.revision };
  if (name === shippedProfile.name) return shippedProfile;
  const errors = [{ detail: `There is no profile ${printable(name)}.`, pointer: '#/profile' }];
  throw new Failure('INVALID_INPUT', errors[0]!.detail, { data: { errors } });
}
