import type { Route } from '../../domain/gateway/allocation';

/** A publisher's hold on an edge; `version` rises with every renewal and change of hands and is the fence. */
export interface Hold {
  readonly name: string;
  readonly holder: string;
  readonly version: number;
  readonly acquiredAt: Date;
  readonly expiresAt: Date;
}

/** What is recorded of an edge. */
export interface EdgeRecord {
  /** The generation last proven live, 0 for none. */
  readonly liveGeneration: number;
  /** The route revision that generation includes. */
  readonly liveRevision: number;
  /** Since when it has not carried what it should; null when it is right. */
  readonly behindSince: Date | null;
}

/** What a publisher needs of the store, for its one edge. Every method may throw Failure STORE_UNAVAILABLE. */
export interface EdgeBook {
  /** Takes or renews this publisher's hold; null while another publisher has it. */
  acquire(): Promise<Hold | null>;
  /** Extends a hold. @throws Failure EDGE_FENCED or CONFLICT when it was lost. */
  renew(hold: Hold): Promise<Hold>;
  /** Gives a hold back; repeating it, or giving back what was lost, changes nothing. */
  release(hold: Hold): Promise<void>;
  /** The routes that changed after `revision`, in order of revision, each once with its present content. 0 for all. */
  changesSince(revision: number): Promise<readonly Route[]>;
  /** The revision of the latest change of any route. */
  head(): Promise<number>;
  /** The next generation number, higher than any before and than `above`. @throws Failure EDGE_FENCED for a lost hold. */
  claimGeneration(hold: Hold, above: number): Promise<number>;
  /** Records a proven generation; the edge is not behind any more. @throws Failure EDGE_FENCED when another took over. */
  recordLive(hold: Hold, live: { generation: number; revision: number; changes: number }): Promise<unknown>;
  /** Notes that the edge does not carry what it should, and keeps the first time. */
  markBehind(reason: string): Promise<unknown>;
  record(): Promise<EdgeRecord>;
}
