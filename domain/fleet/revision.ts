import { canonicalProfile, type Profile } from './profile';
import type { ProfileValues } from './values';

/** The identity of a profile's content: 64 hex digits of SHA-256. */
export async function profileRevision(profile: Profile): Promise<string> {
  return await sha256(canonicalProfile(profile));
}

/**
 * The identity of what a machine is configured to: of a profile and its values, secrets by their names. 64 hex digits.
 * A secret that changes under its name changes the files it stands in, which the machine notices itself.
 */
export async function configurationRevision(profile: Profile, values: ProfileValues): Promise<string> {
  const sorted = Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1));
  return await sha256(JSON.stringify([await profileRevision(profile), sorted]));
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
