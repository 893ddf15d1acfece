import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import {
  branchRunId,
  databaseRunId,
  DeployWorkflow,
  passwordRunId,
  requestRunId,
  type BranchLife,
  type DatabaseLife,
  type DeployLife,
  type DeploymentNow,
  type DeploySignal,
  type Inspection,
  type PasswordLife,
  type RequestRef,
  type Told,
} from '../domain/deploy/contract';
import type { ApplyNow, ApplySignal, ApplyTold } from '../domain/rollout/contract';
import { Failure } from '../domain/failures';
import { taskQueue } from '../domain/gateway/contract';
import type { DeployEngine } from './deploy-engine';
import type { RunOutcome } from './engine';
import { foundBy, WORKFLOW_TASK_TIMEOUT } from './run-start';
import { updateRefusal } from './temporal-failures';

/** What of the engine's own ways of talking to Temporal is used here. */
export interface Talk {
  readonly client: Client;
  /** One call with a deadline in milliseconds. @throws Failure ENGINE_UNAVAILABLE */
  call<T>(ms: number, work: () => Promise<T>): Promise<T>;
  outcome<T>(runId: string, signal: AbortSignal): Promise<RunOutcome<T> | undefined>;
}

/** Milliseconds for a start: a healthy Temporal takes tens. */
const CALL_MS = 3_000;

/** Milliseconds for an update, which a worker has to take up and may ask the store about. */
const UPDATE_MS = 10_000;

/** Type of the failure with which an update ends whose workflow was over before it. */
const OVER_FIRST = 'AcceptedUpdateCompletedWorkflow';

/** Databases and deploy requests over a Temporal client. */
export class TemporalDeploys implements DeployEngine {
  constructor(private readonly talk: Talk) {}

  createDatabase(life: DatabaseLife): Promise<string> {
    const runId = databaseRunId('create', life.databaseId);
    return this.start(DeployWorkflow.createDatabase, runId, life, `Make database ${life.databaseId}`);
  }

  deleteDatabase(life: DatabaseLife): Promise<string> {
    const runId = databaseRunId('delete', life.databaseId);
    return this.start(DeployWorkflow.deleteDatabase, runId, life, `Delete database ${life.databaseId}`);
  }

  createBranch(life: BranchLife): Promise<string> {
    const runId = branchRunId('create', life.branchId);
    return this.start(DeployWorkflow.createBranch, runId, life, `Make branch ${life.branchId}`);
  }

  deleteBranch(life: BranchLife): Promise<string> {
    const runId = branchRunId('delete', life.branchId);
    return this.start(DeployWorkflow.deleteBranch, runId, life, `Delete branch ${life.branchId}`);
  }

  createPassword(life: PasswordLife): Promise<string> {
    const runId = passwordRunId(life.passwordId, 'create');
    return this.start(DeployWorkflow.password, runId, life, `Make account ${life.username}`);
  }

  deletePassword(life: PasswordLife): Promise<string> {
    const runId = passwordRunId(life.passwordId, 'delete');
    return this.start(DeployWorkflow.password, runId, life, `Drop account ${life.username}`);
  }

  startRequest(life: DeployLife): Promise<string> {
    return this.start(DeployWorkflow.request, requestRunId(life), life, `Deploy request ${life.number}`);
  }

  async tell(
    request: RequestRef,
    signal: DeploySignal | ApplySignal,
    told: Told & Partial<ApplyTold>,
  ): Promise<DeploymentNow | ApplyNow | undefined> {
    const handle = this.talk.client.workflow.getHandle(requestRunId(request));
    return await this.talk.call(UPDATE_MS, async () => {
      try {
        return await handle.executeUpdate<DeploymentNow | ApplyNow, [Told]>(signal, { args: [told] });
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return undefined;
        if (!(error instanceof WorkflowUpdateFailedError)) throw error;
        if (error.cause instanceof ApplicationFailure && error.cause.type === OVER_FIRST) return undefined;
        throw updateRefusal(error);
      }
    });
  }

  async inspect<T>(inspection: Inspection, signal: AbortSignal): Promise<T | undefined> {
    const runId = `inspect-${randomUUID()}`;
    await this.start(DeployWorkflow.inspect, runId, inspection, `Look at the ${inspection.look.at} of a database`);
    const outcome = await this.talk.outcome<T>(runId, signal);
    if (outcome && !outcome.ok) throw new Failure(outcome.code, outcome.message, { data: outcome.data });
    return outcome?.result;
  }

  private async start(
    kind: DeployWorkflow,
    workflowId: string,
    input: { readonly organizationId: string },
    staticSummary: string,
  ): Promise<string> {
    await this.talk.call(CALL_MS, async () => {
      try {
        await this.talk.client.workflow.start(kind, {
          ...{ workflowId, taskQueue, args: [input], staticSummary },
          workflowIdConflictPolicy: 'USE_EXISTING',
          // A run that failed or was ended by hand must not keep the thing as it is for ever.
          workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
          workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
          typedSearchAttributes: foundBy(kind, input.organizationId),
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    });
    return workflowId;
  }
}
