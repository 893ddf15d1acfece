import type { Access, Caller } from '../access';
import { token } from '../access';
import type { z } from '../zod';
import type { ClientVersion } from './version';

/** A call whose caller was let in and whose body is of the right shape. */
export interface Called<B> {
  readonly caller: Caller;
  /** The organization of the project in the address; for calls outside a project the caller's own, or none. */
  readonly organizationId: string;
  /** The project as the address spells it. */
  readonly project: string;
  readonly version: ClientVersion;
  readonly body: B;
  /** The token as it was sent. */
  readonly token: string;
}

/** One call of dstack's API; every one is a POST. */
export interface Call {
  /** Below `/api`, with `:project` where one is named. */
  readonly path: string;
  readonly access: Access<Caller>;
  /** Whether it may change something: then it stands in the log with who did it. */
  readonly writes: boolean;
  readonly body: z.ZodType;
  handle(called: Called<unknown>): Promise<unknown>;
}

/** A call that changes nothing, for whoever may read. */
export function reads<S extends z.ZodType>(
  path: string,
  body: S,
  handle: (called: Called<z.infer<S>>) => Promise<unknown>,
): Call {
  return { path, body, access: token('read'), writes: false, handle: handle as Call['handle'] };
}

/** A call for administrators; what it changes, our own API lets the same ones change. */
export function writes<S extends z.ZodType>(
  path: string,
  body: S,
  handle: (called: Called<z.infer<S>>) => Promise<unknown>,
): Call {
  return { path, body, access: token('admin'), writes: true, handle: handle as Call['handle'] };
}
