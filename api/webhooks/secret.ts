import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The key's file in the directory of secrets; every API process of an installation needs the same. */
export const sealKeyFile = 'webhook-seal.key';

const ALGORITHM = 'aes-256-gcm';

/** Keeps the signing secrets of webhooks unreadable in the store. */
export class Seal {
  private key: Buffer | undefined;

  constructor(private readonly secretsDirectory: string) {}

  /** Seals a secret for one webhook: sealed for one, it cannot be opened for another. */
  seal(secret: string, webhookId: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv(ALGORITHM, this.readKey(), nonce).setAAD(Buffer.from(webhookId));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return ['v1', nonce, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url')).join('.');
  }

  /** Opens what {@link seal} made. @throws Error when it was made with another key or for another webhook. */
  open(text: string, webhookId: string): string {
    const [version, nonce, sealed, tag] = text.split('.');
    if (version !== 'v1' || !nonce || sealed === undefined || !tag) throw new Error('not a sealed secret');
    const bytes = (part: string): Buffer => Buffer.from(part, 'base64url');
    const decipher = createDecipheriv(ALGORITHM, this.readKey(), bytes(nonce)).setAAD(Buffer.from(webhookId));
    decipher.setAuthTag(bytes(tag));
    return Buffer.concat([decipher.update(bytes(sealed)), decipher.final()]).toString('utf8');
  }

  /** The key, made when there is none. Of several processes that make one at once, the first one's is taken. */
  private readKey(): Buffer {
    if (this.key) return this.key;
    const file = join(this.secretsDirectory, sealKeyFile);
    if (!existsSync(file)) {
      mkdirSync(this.secretsDirectory, { recursive: true, mode: 0o700 });
      const own = `${file}.${randomBytes(8).toString('hex')}`;
      writeFileSync(own, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
      try {
        linkSync(own, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        unlinkSync(own);
      }
    }
    this.key = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex');
    return this.key;
  }
}
