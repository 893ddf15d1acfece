import type { DatabaseRecord } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import type { DatabaseServer } from '../../domain/settings';
import type { Caller } from '../access';
import type { Deps } from '../deps';

/** The server on which a client's database is made. @throws Failure INVALID_INPUT where there is none of its kind. */
export function serverFor({ settings }: Pick<Deps, 'settings'>, kind: DatabaseRecord['kind']): DatabaseServer {
  const server = settings.databases?.servers.find((each) => each.kind === kind);
  if (!server) throw new Failure('INVALID_INPUT', `there is no server for databases of kind ${kind}`);
  return server;
}

/**
 * The server of a schema that is there already. Other organizations' schemas may be on it: only who may see all of them
 * may say whose a schema is.
 * @throws Failure FORBIDDEN, INVALID_INPUT
 */
export function adopted(
  { settings }: Pick<Deps, 'settings'>,
  caller: Caller,
  kind: DatabaseRecord['kind'],
  secret: string,
): DatabaseServer {
  if (caller.boundTo !== null) throw new Failure('FORBIDDEN', 'This needs a token that is bound to no organization.');
  const server = settings.databases?.servers.find((each) => each.secret === secret);
  if (server && server.kind !== kind)
    throw new Failure('INVALID_INPUT', `the server of ${secret} is of kind ${server.kind}`);
  return server ?? { kind, secret, address: '' };
}
