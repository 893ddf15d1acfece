import { createHmac, timingSafeEqual } from 'node:crypto';

/** What proves that whoever says `text` knows the replica's secret: hex HMAC-SHA256 (see domain/gateway/agent-protocol.ts). */
export function prove(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}

/** Whether `proof` proves `text`; takes the same time for every wrong one. */
export function isProof(secret: string, text: string, proof: unknown): boolean {
  if (typeof proof !== 'string' || !/^[0-9a-f]{64}$/.test(proof)) return false;
  return timingSafeEqual(Buffer.from(proof, 'hex'), Buffer.from(prove(secret, text), 'hex'));
}
