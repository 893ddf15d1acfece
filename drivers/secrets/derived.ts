import { createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto';
import { Failure } from '../../domain/failures';

/** An SSH key pair: the private key as OpenSSH's own PEM, the public key as one line of an authorized_keys file. */
export interface SshKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

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
    const seed = this.bytes(`ed25519 ${name}`);
    const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
    const raw = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x!, 'base64url');
    const blob = Buffer.concat([field(type), field(raw)]);
    return {
      privateKey: openSshPem({ seed, raw, blob, comment }),
      publicKey: `${type} ${blob.toString('base64')} ${comment}`,
    };
  }

  private bytes(info: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.key, 'gatewright', info, 32));
  }
}

const type = 'ssh-ed25519';

/** What stands before the 32 bytes of an Ed25519 private key in PKCS#8 (RFC 8410 §7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * The private key in the format of OpenSSH's PROTOCOL.key, without a passphrase: sshd before 9.6 reads Ed25519 keys in
 * no other.
 */
function openSshPem({
  seed,
  raw,
  blob,
  comment,
}: {
  seed: Buffer;
  raw: Buffer;
  blob: Buffer;
  comment: string;
}): string {
  const check = uint32(seed.readUInt32BE(0)); // two equal words tell whether decryption worked; nothing is encrypted
  const unpadded = Buffer.concat([
    ...[check, check, field(type), field(raw), field(Buffer.concat([seed, raw])), field(comment)],
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (unpadded.length % 8)) % 8 }, (_, i) => i + 1));
  const whole = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), field('none'), field('none'), field(''), uint32(1), field(blob)],
    field(Buffer.concat([unpadded, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g)!;
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
