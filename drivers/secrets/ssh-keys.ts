import { createPrivateKey, createPublicKey } from 'node:crypto';

/** An SSH key pair: the private key as OpenSSH's own PEM, the public key as one line of an authorized_keys file. */
export interface SshKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

/**
 * The Ed25519 key pair of a seed. Not by ssh2's generator: about one of 200 of its private keys cannot be read by
 * OpenSSH, nor by ssh2 itself.
 * @param seed 32 bytes.
 * @param comment what the key is called where it is listed; one word.
 */
export function sshKeyPair(seed: Buffer, comment: string): SshKeyPair {
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  const raw = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x!, 'base64url');
  const blob = Buffer.concat([field(type), field(raw)]);
  return {
    privateKey: openSshPem({ seed, raw, blob, comment }),
    publicKey: `${type} ${blob.toString('base64')} ${comment}`,
  };
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
