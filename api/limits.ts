/** Bounds of the API that tests narrow; each with its reason. */
export interface Limits {
  /** Bytes of a request body after inflating; every body of this API is far below. */
  readonly bodyBytes: number;
  /** Streams of events open at once, over all tokens: each holds a socket and reads the journal. */
  readonly streams: number;
  /** Streams of events that one token may hold. */
  readonly streamsPerToken: number;
  /** Milliseconds between heartbeat comments: below the idle timeout of common proxies. */
  readonly heartbeatMs: number;
  /** Milliseconds between looks at the journal while somebody listens. */
  readonly pollMs: number;
  /** Milliseconds between looks for databases and deploy requests that have no run. */
  readonly caretakeMs: number;
  /** Milliseconds that the answer to an Idempotency-Key is kept. */
  readonly idempotencyTtlMs: number;
  /** Milliseconds by which a request may outlast `waitMs` before another may take over its Idempotency-Key. */
  readonly idempotencyGraceMs: number;
}

/** The bounds of a running API. */
export const limits: Limits = {
  bodyBytes: 64 * 1024,
  streams: 100,
  streamsPerToken: 10,
  heartbeatMs: 15_000,
  pollMs: 100,
  caretakeMs: 30_000,
  idempotencyTtlMs: 24 * 60 * 60 * 1000,
  idempotencyGraceMs: 5_000,
};
