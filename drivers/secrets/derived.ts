import { hkdfSync } from 'node:crypto';
import { Failure } from '../../domain/failures';
import { sshKeyPair, type SshKeyPair } from './ssh-keys';

/** Bytes that an installation's key must have at least. */
const MIN_BYTES = 32;

/**
 * Secrets that follow from the one key of an installation and a name, by HKDF-SHA256 (RFC 5869): every worker that
 * knows the key has them, nobody has to store or send them, and none tells anything of another.
 */
export class DerivedSecrets {
  private readonly key: Buffer;

  /**
   * @param key the installation's key, in hexadecimal.
   * @throws Failure SECRET_UNAVAILABLE for a key that is too short or no hexadecimal number.
   */
  constructor(key: string) {
    if (!/^(?:[0-9a-f]{2})+$/i.test(key) || key.length < MIN_BYTES * 2)
      throw new Failure(
        'SECRET_UNAVAILABLE',
        `the installation's key must be ${MIN_BYTES} bytes or more in hexadecimal; make one with: openssl rand -hex 32`,
      );
    this.key = Buffer.from(key, 'hex');
  }

  /** 32 bytes in hexadecimal. */
  secret(name: string): string {
    return this.bytes(`secret ${name}`).toString('hex');
  }

  /** An Ed25519 key pair. @param comment what the key is called where it is listed; one word. */
  keyPair(name: string, comment: string): SshKeyPair {
    return sshKeyPair(this.bytes(`ed25519 ${name}`), comment);
  }

  private bytes(info: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.key, 'gatewright', info, 32));
  }
}
