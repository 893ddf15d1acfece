import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  Connection,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  type ConnectionOptions,
  type WorkflowHandle,
} from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import { tsToDate } from '@temporalio/common/lib/time';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { temporal } from '@temporalio/proto';
import { Failure, isFailure } from '../domain/failures';
import {
  FleetWorkflow,
  gatewayWorkflowId,
  replicaWorkflowId,
  sweepWorkflowId,
  type GatewayLife,
  type Sweep,
  type SweepReport,
} from '../domain/fleet/contract';
import { RunKind, taskQueue, type StartGateway, type StopGateway } from '../domain/gateway/contract';
import type { SagaView } from '../domain/saga';
import type { Settings } from '../domain/settings';
import type { Decision, Engine, RunDescription, RunOutcome } from './engine';
import { foundBy, runKeys, WORKFLOW_TASK_TIMEOUT } from './run-start';
import { abortWith } from './signals';
import { TemporalDeploys } from './temporal-deploys';
import { failedOutcome, updateRefusal } from './temporal-failures';

/** Milliseconds for one call: a healthy Temporal takes tens, and a caller should soon know that it is away. */
const CALL_MS = 3_000;

/** Milliseconds for a decision, which a worker has to take up. */
const DECISION_MS = 10_000;

/** Milliseconds after which a worker that polls no more is taken for gone: a poll lasts a minute. */
const POLLER_MS = 70_000;

/** The signal that lives of gateways and replicas look at the store upon (workflows/fleet/signals.ts). */
const LOOK = 'look';

/** The engine over a Temporal client. */
export class TemporalEngine implements Engine {
  readonly deploys: TemporalDeploys;

  constructor(
    private readonly client: Client,
    private readonly namespace: string,
  ) {
    this.deploys = new TemporalDeploys({
      client,
      call: (ms, work) => this.call(ms, work),
      outcome: (runId, signal) => this.outcome(runId, signal),
    });
  }

  async startGateway(runId: string, input: StartGateway): Promise<void> {
    const summary = `Start the gateway of organization ${input.organizationId}`;
    // The id names the allocation, which is minted once: an ended run with this id is the one that was asked for.
    await this.start(RunKind.start, runId, input, { summary, reuse: 'REJECT_DUPLICATE' });
  }

  async stopGateway(runId: string, input: StopGateway): Promise<void> {
    const summary = `Stop the gateway of organization ${input.organizationId}`;
    // A run that was ended by hand in Temporal must not keep the gateway up for ever.
    await this.start(RunKind.stop, runId, input, { summary, reuse: 'ALLOW_DUPLICATE_FAILED_ONLY' });
  }

  async outcome<T>(runId: string, signal: AbortSignal): Promise<RunOutcome<T> | undefined> {
    const handle = this.client.workflow.getHandle(runId);
    while (!signal.aborted) {
      const attempt = new AbortController();
      const leave = abortWith(attempt, signal);
      try {
        const result: unknown = await this.client.connection.withAbortSignal(attempt.signal, () => handle.result());
        return { ok: true, result: result as T };
      } catch (error) {
        if (signal.aborted) return undefined;
        if (error instanceof WorkflowFailedError) return failedOutcome(error);
        if (error instanceof WorkflowNotFoundError) throw new Failure('NOT_FOUND', 'There is no such run.');
        // The run goes on without us: Temporal is asked again until it is back or nobody waits any more.
        await sleep(200, undefined, { signal: attempt.signal }).catch(() => undefined);
      } finally {
        leave();
      }
    }
    return undefined;
  }

  async describe(runId: string): Promise<RunDescription | undefined> {
    return await this.call(CALL_MS, async () => {
      try {
        const { type, startTime, status, typedSearchAttributes } = await this.client.workflow
          .getHandle(runId)
          .describe();
        const organizationId = typedSearchAttributes.get(runKeys.organization);
        if (organizationId === undefined) return undefined;
        return { kind: type as RunKind, organizationId, startedAt: startTime, running: status.name === 'RUNNING' };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return undefined;
        throw error;
      }
    });
  }

  async cancel(runId: string): Promise<void> {
    await this.call(CALL_MS, () => this.open(runId, (handle) => handle.cancel()));
  }

  async resolve(runId: string, decision: Decision): Promise<SagaView> {
    return await this.call(DECISION_MS, () =>
      this.open(runId, (handle) => handle.executeUpdate<SagaView, [Decision]>('resolve', { args: [decision] })),
    );
  }

  async tellGateway(life: GatewayLife): Promise<void> {
    await this.call(CALL_MS, () =>
      this.client.workflow.signalWithStart(FleetWorkflow.gateway, {
        workflowId: gatewayWorkflowId(life.gatewayId),
        taskQueue,
        args: [life],
        signal: LOOK,
        // The store's row is the truth: a life that ended while there is still a row goes on.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
        staticSummary: `The life of a gateway of organization ${life.organizationId}`,
        typedSearchAttributes: [
          { key: runKeys.kind, value: FleetWorkflow.gateway },
          { key: runKeys.organization, value: life.organizationId },
        ],
      }),
    );
  }

  async tellReplica(replicaId: string): Promise<void> {
    await this.call(CALL_MS, async () => {
      try {
        await this.client.workflow.getHandle(replicaWorkflowId(replicaId)).signal(LOOK);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    });
  }

  async sweep(input: Sweep, signal: AbortSignal): Promise<SweepReport | undefined> {
    const workflowId = sweepWorkflowId(input);
    await this.call(CALL_MS, () =>
      this.client.workflow.start(FleetWorkflow.sweep, {
        ...{ workflowId, taskQueue, args: [input] },
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
        staticSummary: input.dryRun ? 'Say what a sweep would do' : 'Sweep what nobody would look for again',
      }),
    );
    const outcome = await this.outcome<SweepReport>(workflowId, signal);
    if (outcome && !outcome.ok) throw new Failure(outcome.code, outcome.message);
    return outcome?.result;
  }

  async workers(): Promise<number> {
    const { pollers } = await this.call(CALL_MS, () =>
      this.client.workflowService.describeTaskQueue({
        namespace: this.namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
      }),
    );
    const since = Date.now() - POLLER_MS;
    const alive = pollers.filter((each) => each.lastAccessTime && tsToDate(each.lastAccessTime).getTime() > since);
    return new Set(alive.map((each) => each.identity)).size;
  }

  private async start(
    kind: RunKind,
    workflowId: string,
    input: StartGateway | StopGateway,
    { summary, reuse }: { summary: string; reuse: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE_FAILED_ONLY' },
  ): Promise<void> {
    await this.call(CALL_MS, async () => {
      try {
        await this.client.workflow.start(kind, {
          workflowId,
          taskQueue,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: reuse,
          workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
          staticSummary: summary,
          staticDetails: `Allocation ${input.allocationId}`,
          typedSearchAttributes: foundBy(kind, input.organizationId),
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    });
  }

  /** Works on a run that has not ended. */
  private async open<T>(runId: string, work: (handle: WorkflowHandle) => Promise<T>): Promise<T> {
    try {
      return await work(this.client.workflow.getHandle(runId));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError)
        throw new Failure('STATE_CONFLICT', 'The run has ended.', { data: { allowed: [] }, cause: error });
      if (error instanceof WorkflowUpdateFailedError) throw updateRefusal(error);
      throw error;
    }
  }

  private async call<T>(ms: number, work: () => Promise<T>): Promise<T> {
    try {
      return await this.client.connection.withDeadline(Date.now() + ms, work);
    } catch (error) {
      if (isFailure(error)) throw error;
      throw new Failure('ENGINE_UNAVAILABLE', undefined, { cause: error });
    }
  }
}

/**
 * Connects when it is first used, so that the API starts while Temporal is away. Profiles, TLS and API keys come from
 * Temporal's own environment configuration.
 */
export function connectEngine(settings: Settings['temporal']): { engine: Engine; close(): Promise<void> } {
  const config = loadClientConnectConfig();
  const connection = Connection.lazy({
    ...(config.connectionOptions as ConnectionOptions),
    // The options have a member for everything, undefined where nothing is said.
    address: config.connectionOptions?.address ?? settings.address,
    // Back within a second of Temporal's restart; gRPC's own ceiling is two minutes.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000 },
  });
  const namespace = config.namespace ?? settings.namespace;
  const client = new Client({ connection, namespace });
  return { engine: new TemporalEngine(client, namespace), close: () => connection.close() };
}
