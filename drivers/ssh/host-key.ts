import { createHash, timingSafeEqual } from 'node:crypto';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';

const ALGORITHM = 'ssh-ed25519';
/** Bytes of an ed25519 public key in SSH's encoding: two lengths, the algorithm's name, 32 bytes. */
const LENGTH = 4 + ALGORITHM.length + 4 + 32;

/**
 * The one key that a machine's sshd may identify itself with. Only {@link HostKey.parse} makes one, so that whoever
 * connects has named it.
 */
export class HostKey {
  private constructor(
    /** `SHA256:` and base64 without padding, as `ssh-keygen -l` prints it. */
    readonly fingerprint: string,
    private readonly digest: Buffer,
  ) {}

  /**
   * Reads an ed25519 public key as in a `.pub` file (`ssh-ed25519 AAAA... comment`), or a fingerprint `SHA256:...`.
   * @throws Failure INVALID_INPUT
   */
  static parse(text: string): HostKey {
    const digest = digestOf(text.trim());
    return new HostKey(`SHA256:${digest.toString('base64').replace(/=+$/, '')}`, digest);
  }

  /** Whether a server's key, in SSH's encoding, is this one. */
  matches(key: Buffer): boolean {
    return timingSafeEqual(sha256(key), this.digest);
  }
}

function digestOf(text: string): Buffer {
  const fingerprint = /^SHA256:([A-Za-z0-9+/]{43})$/.exec(text);
  if (fingerprint) return Buffer.from(fingerprint[1]!, 'base64');
  const line = /^ssh-ed25519 ([A-Za-z0-9+/]{68})(?: [\x20-\x7e]*)?$/.exec(text);
  const key = Buffer.from(line?.[1] ?? '', 'base64');
  if (key.length !== LENGTH || key.toString('latin1', 4, 4 + ALGORITHM.length) !== ALGORITHM)
    throw new Failure('INVALID_INPUT', `neither an ed25519 public key nor a SHA256 fingerprint: ${printable(text)}`);
  return sha256(key);
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
