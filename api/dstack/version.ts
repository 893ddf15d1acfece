import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';

/** The version of dstack whose API is served; clients of a later minor version are refused, as its own server does. */
export const servedVersion = '0.22.5';

/** The release of a client, as in `[0, 20, 28]`; null for development versions, which are taken for the newest. */
export type ClientVersion = readonly [number, number, number] | null;

// PEP 440, of which only the release counts here.
const VERSION =
  /^v?(?:\d+!)?(\d{1,9}(?:\.\d{1,9})*)(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?(?:[-_.]?(?:post|rev|r)[-_.]?\d*|-\d+)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?$/i;

/**
 * Reads `X-API-VERSION`.
 * @throws Failure INVALID_INPUT when it is no version, or one that is too new.
 */
export function clientVersion(header: string | undefined): ClientVersion {
  if (header === undefined || header === 'latest') return null;
  const match = header.length > 100 ? null : VERSION.exec(header.trim());
  if (!match) throw new Failure('INVALID_INPUT', `Invalid version: ${printable(header)}`);
  const [major = 0, minor = 0, patch = 0] = match[1]!.split('.').map(Number);
  if (major === 0 && minor === 0 && patch === 0) return null;
  const [servedMajor, servedMinor] = servedVersion.split('.').map(Number);
  if (major > servedMajor! || (major === servedMajor && minor > servedMinor!))
    throw new Failure(
      'INVALID_INPUT',
      `The client/CLI version (${printable(header).slice(1, -1)}) is incompatible with the server version (${servedVersion}).`,
    );
  return [major, minor, patch];
}

/** Whether a client is older than a release. */
export function isBefore(version: ClientVersion, release: readonly [number, number, number]): boolean {
  if (version === null) return false;
  for (const [index, part] of release.entries()) if (version[index] !== part) return version[index]! < part;
  return false;
}
