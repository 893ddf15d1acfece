import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import {
  moveRunId,
  RunKind,
  startRunId,
  stopRunId,
  taskQueue,
  type MoveGateway,
  type StartGateway,
  type StopGateway,
} from '../../domain/gateway/contract';
import type { World } from './world';

/** Begins a start on Temporal, as the API does. */
export async function beginStart(world: World, input: Partial<StartGateway> = {}): Promise<WorkflowHandle> {
  const start: StartGateway = {
    organizationId: randomUUID(),
    allocationId: randomUUID(),
    zone: world.settings.zone.name,
    placements: world.settings.placements,
    policy: world.settings.policy,
    ...input,
  };
  return await begin(world, RunKind.start, startRunId(start.allocationId), start);
}

/** Begins the stop of an allocation on Temporal, as the API does. */
export async function beginStop(
  world: World,
  ref: { organizationId: string; allocationId: string },
): Promise<WorkflowHandle> {
  const stop: StopGateway = {
    organizationId: ref.organizationId,
    allocationId: ref.allocationId,
    zone: world.settings.zone.name,
    placements: world.settings.placements,
    policy: world.settings.policy,
  };
  return await begin(world, RunKind.stop, stopRunId(stop.allocationId), stop);
}

/** Begins moving an allocation away from where it is now. */
export async function beginMove(
  world: World,
  allocationId: string,
  moveId = randomUUID(),
  policy = world.settings.policy,
): Promise<WorkflowHandle> {
  const { organizationId, replicaId, epoch } = (await world.store.pool.allocation(allocationId))!;
  const move: MoveGateway = { organizationId, allocationId, moveId, from: { replicaId, epoch }, policy };
  return await begin(world, RunKind.move, moveRunId(moveId), move);
}

async function begin(
  world: World,
  kind: string,
  workflowId: string,
  input: StartGateway | StopGateway | MoveGateway,
): Promise<WorkflowHandle> {
  return await world.temporal.client.workflow.start(kind, {
    taskQueue,
    workflowId,
    args: [input],
    workflowTaskTimeout: '4s',
    typedSearchAttributes: [
      { key: defineSearchAttributeKey('SagaKind', 'KEYWORD'), value: kind },
      { key: defineSearchAttributeKey('SagaState', 'KEYWORD'), value: 'running' },
      { key: defineSearchAttributeKey('OrganizationId', 'KEYWORD'), value: input.organizationId },
    ],
  });
}
