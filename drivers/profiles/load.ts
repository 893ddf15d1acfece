import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { parse } from 'yaml';
import { Failure } from '../../domain/failures';
import { readProfile, type Profile } from '../../domain/fleet/profile';
import { printable } from '../../domain/hostname';

const root = join(__dirname, '..', '..');
/** Where the build leaves the agent, seen from the build and from the sources. */
const built = __filename.endsWith('.js') ? root : join(root, 'dist');

/** Files that are not written by hand, by the name that a profile knows them under. */
const artefacts = { 'gateway-agent': join(built, 'gateway-agent.js') } as const;

/**
 * Reads a profile from a directory: `profile.yaml` is a profile in which a file or script may have, in place of its
 * content, `from` (a file of the directory) or `artefact` (something that is built). The result holds everything it needs.
 * @throws Failure PROFILE_INVALID naming what is wrong.
 */
export function loadProfile(directory: string): Profile {
  return assemble(parse(readText(directory, 'profile.yaml')), directory);
}

/** The profile that gateways have which name none: it installs and starts the gateway's agent. */
export function defaultProfile(): Profile {
  return loadProfile(join(root, 'profiles', 'default'));
}

function assemble(source: unknown, directory: string): Profile {
  if (!isObject(source)) throw new Failure('PROFILE_INVALID', 'profile.yaml is not an object');
  return readProfile({
    ...source,
    ...(Array.isArray(source['files']) && { files: source['files'].map((file) => resolved(file, directory)) }),
    ...(Array.isArray(source['scripts']) && { scripts: source['scripts'].map((one) => resolved(one, directory)) }),
    ...(isObject(source['health']) && { health: resolved(source['health'], directory) }),
  });
}

/** A file, script or check whose text stands in it; what is no such thing is left for validation to refuse. */
function resolved(value: unknown, directory: string): unknown {
  if (!isObject(value)) return value;
  const { from, artefact, ...rest } = value;
  if (typeof artefact === 'string' && Object.hasOwn(artefacts, artefact))
    return { ...rest, content: readText('', artefacts[artefact as keyof typeof artefacts]) };
  if (typeof from === 'string') return { ...rest, content: readText(directory, from) };
  return value;
}

function readText(directory: string, path: string): string {
  const file = directory === '' ? path : join(directory, path);
  const inside = relative(directory, file);
  if (directory !== '' && (inside.split(sep).includes('..') || isAbsolute(inside)))
    throw new Failure('PROFILE_INVALID', `not a file of the profile’s directory: ${printable(path)}`);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('PROFILE_INVALID', `cannot read ${printable(path)} of the profile (${code})`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
