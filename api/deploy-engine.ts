import type {
  BranchLife,
  DatabaseLife,
  DeployLife,
  DeploymentNow,
  DeploySignal,
  Inspection,
  PasswordLife,
  RequestRef,
  Told,
} from '../domain/deploy/contract';
import type { ApplyNow, ApplySignal, ApplyTold } from '../domain/rollout/contract';

/**
 * What the API needs of Temporal for databases. Each start begins a run, or finds the one that does the same, and answers
 * with its id, under which {@link Engine.outcome} waits for it. Every method throws Failure ENGINE_UNAVAILABLE when
 * Temporal does not answer within a few seconds.
 */
export interface DeployEngine {
  createDatabase(life: DatabaseLife): Promise<string>;
  deleteDatabase(life: DatabaseLife): Promise<string>;
  createBranch(life: BranchLife): Promise<string>;
  deleteBranch(life: BranchLife): Promise<string>;
  createPassword(life: PasswordLife): Promise<string>;
  deletePassword(life: PasswordLife): Promise<string>;
  startRequest(life: DeployLife): Promise<string>;
  /**
   * Tells a request's workflow what somebody wants and waits until it was taken in.
   * @returns where the request is then; undefined where its workflow has ended or was never begun.
   * @throws Failure STATE_CONFLICT and whatever else the workflow's validator refuses with.
   */
  tell(
    request: RequestRef,
    signal: DeploySignal | ApplySignal,
    told: Told & Partial<ApplyTold>,
  ): Promise<DeploymentNow | ApplyNow | undefined>;
  /**
   * Has a worker look at a database's server. The type of the answer follows from the look (domain/deploy/contract.ts).
   * @returns undefined when `signal` said first that nobody waits any more.
   * @throws Failure with which the look failed.
   */
  inspect<T>(inspection: Inspection, signal: AbortSignal): Promise<T | undefined>;
}
