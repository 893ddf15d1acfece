import type { GatewayLife, Sweep, SweepReport } from '../domain/fleet/contract';
import type { RunKind, StartGateway, StopGateway } from '../domain/gateway/contract';
import type { FailureCode } from '../domain/failures';
import type { SagaView } from '../domain/saga';
import type { DeployEngine } from './deploy-engine';

/** How a run ended. */
export type RunOutcome<T> =
  | { readonly ok: true; readonly result: T }
  | {
      readonly ok: false;
      readonly code: FailureCode;
      /** The original message, for people. */
      readonly message: string;
      /** The machine-readable members that came with the failure. */
      readonly data: Readonly<Record<string, unknown>>;
    };

/** A run as the engine knows it, before its first step is in the journal. */
export interface RunDescription {
  readonly kind: RunKind;
  readonly organizationId: string;
  readonly startedAt: Date;
  readonly running: boolean;
}

/** A person's decision on a stuck step. */
export interface Decision {
  readonly step: string;
  readonly action: 'retry' | 'skip';
  readonly reason: string;
  readonly by: string;
}

/**
 * What the API needs of Temporal. Every method throws Failure ENGINE_UNAVAILABLE when it does not answer within a few
 * seconds.
 */
export interface Engine {
  /** Databases and deploy requests. */
  readonly deploys: DeployEngine;
  /** Begins a start, or finds the one with this allocation id, running or ended. */
  startGateway(runId: string, input: StartGateway): Promise<void>;
  /** Begins a stop, or finds the one with this run id that is running or has succeeded. */
  stopGateway(runId: string, input: StopGateway): Promise<void>;
  /**
   * Waits until a run ends, through restarts of Temporal, or until `signal` says that nobody waits any more.
   * @throws Failure NOT_FOUND when Temporal does not know the run.
   */
  outcome<T>(runId: string, signal: AbortSignal): Promise<RunOutcome<T> | undefined>;
  /** What Temporal knows of a run; undefined when it does not know it. */
  describe(runId: string): Promise<RunDescription | undefined>;
  /** Asks a run to be taken back. @throws Failure STATE_CONFLICT when it has ended. */
  cancel(runId: string): Promise<void>;
  /** Hands in a person's decision. @throws Failure STATE_CONFLICT where nothing of that name is stuck. */
  resolve(runId: string, decision: Decision): Promise<SagaView>;
  /** Has a gateway's workflow look at what the store says of it; begins that workflow where none runs. */
  tellGateway(life: GatewayLife): Promise<void>;
  /** Has a replica's workflow look at what the store says of it; one that does not run needs none. */
  tellReplica(replicaId: string): Promise<void>;
  /**
   * Sweeps, or joins the sweep of this kind that is under way, and waits for its report until `signal` says that nobody
   * waits any more: then it is undefined, and the sweep goes on.
   */
  sweep(input: Sweep, signal: AbortSignal): Promise<SweepReport | undefined>;
  /** How many workers poll for runs. */
  workers(): Promise<number>;
}
