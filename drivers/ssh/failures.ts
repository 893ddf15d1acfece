import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';

/** What ssh2 adds to its errors. */
type SshError = Error & { readonly level?: string; readonly code?: string | number };

/**
 * Why there is no connection, by the levels that ssh2 1.17 gives its errors (measured with OpenSSH 9.2).
 * @param otherKey whether the server showed a key that is not the pinned one.
 */
export function connectFailure(error: SshError, who: string, otherKey: boolean): Failure {
  if (otherKey)
    return new Failure('SSH_HOST_KEY', `${who} identifies itself with another host key than the pinned one`, {
      cause: error,
    });
  if (error.level === 'client-authentication')
    return new Failure('SSH_AUTH', `${who} does not accept our key`, { cause: error });
  if (error.level === 'handshake' && /host key format/.test(error.message))
    return new Failure('SSH_HOST_KEY', `${who} has no ed25519 host key, so not the pinned one`, { cause: error });
  // A server without the algorithms that are allowed will not learn them.
  if (error.level === 'handshake' && /no matching/.test(error.message))
    return new Failure('SSH_UNREACHABLE', `${who} offers no allowed algorithm: ${said(error)}`, {
      retryable: false,
      cause: error,
    });
  return new Failure('SSH_UNREACHABLE', `cannot connect to ${who}: ${said(error)}`, { cause: error });
}

/** Why a channel could not be opened. Nothing was begun in the first two cases; in the last one it may have been. */
export function channelFailure(error: SshError, who: string): Failure {
  if (/^\(SSH\) Channel open failure/.test(error.message))
    return new Failure('SSH_LIMIT', `${who} opens no further session`, { cause: error });
  if (error.message === 'Not connected')
    return new Failure('SSH_UNREACHABLE', `the connection to ${who} is closed`, { cause: error });
  return outcomeUnknown(who, error);
}

/** The connection or the channel ended before the command's result came. */
export function outcomeUnknown(who: string, cause?: unknown): Failure {
  return new Failure('SSH_OUTCOME_UNKNOWN', `the connection to ${who} was lost while a command ran`, { cause });
}

/** The peer has a hand in some messages. */
function said(error: SshError): string {
  return typeof error.code === 'string' ? error.code : printable(error.message).slice(1, -1);
}
