import { Failure, isFailure } from '../domain/failures';
import { z } from './zod';

/** The header that names the version which a change is meant for (RFC 9110, 13.1.1). */
export const ifMatchHeader = {
  'If-Match': z
    .string()
    .regex(/^(\*|(W\/)?"[\x21\x23-\x7e]{0,100}")$/, 'must be one entity tag in double quotes, or *')
    .optional()
    .openapi({ description: 'The `resource_version` in double quotes: another present version is answered 412.' }),
};

/** A version that no row has: rows begin with 1. */
const NONE = 0;

/** The resource version that an `If-Match` names; undefined where any will do. */
export function namedVersion(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === '*') return undefined;
  const tag = /^"([1-9][0-9]{0,14})"$/.exec(ifMatch);
  return tag ? Number(tag[1]) : NONE;
}

/**
 * Makes a change that may be meant for one version only.
 * @throws Failure PRECONDITION_FAILED (data: currentVersion) when that is not the present one.
 */
export async function onNamedVersion<T>(version: number | undefined, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (version === undefined || !isFailure(error) || error.code !== 'CONFLICT') throw error;
    throw new Failure('PRECONDITION_FAILED', undefined, { data: error.data, cause: error });
  }
}
