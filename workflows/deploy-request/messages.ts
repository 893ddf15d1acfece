import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { DeploymentNow, DeploySignal, QueuePlace, QueueTicket, Told } from '../../domain/deploy/contract';
import {
  LOOK_SIGNAL,
  type ApplyNow,
  type ApplySignal,
  type ApplyTold,
  type Told as OperationTold,
} from '../../domain/rollout/contract';

/** Where a request stands now. */
export const deploymentQuery = defineQuery<DeploymentNow>('deployment');

/** Tells a request who is before it. */
export const placeSignal = defineSignal<[QueuePlace]>('place');

/** Tells a request that a schema has changed: whatever was found is found again. One that was deployed ignores it. */
export const checkSignal = defineSignal('check');

/** Asks a queue for the place, or gives it back. */
export const joinSignal = defineSignal<[QueueTicket]>('join');
export const leaveSignal = defineSignal<[QueueTicket]>('leave');

/** What is told without waiting for an answer. */
export function toldSignal(name: DeploySignal): ReturnType<typeof defineSignal<[Told]>> {
  return defineSignal<[Told]>(name);
}

/** The same with an answer; refused where the state forbids it. */
export function toldUpdate(name: DeploySignal): ReturnType<typeof defineUpdate<DeploymentNow, [Told]>> {
  return defineUpdate<DeploymentNow, [Told]>(name);
}

/** Where the apply of a request stands now; null before it has one. */
export const applyQuery = defineQuery<ApplyNow | null>('apply');

/** What is said to the apply of a request without waiting for an answer. */
export function applySignal(name: ApplySignal): ReturnType<typeof defineSignal<[ApplyTold]>> {
  return defineSignal<[ApplyTold]>(name);
}

/** The same with an answer; refused where the state forbids it. */
export function applyUpdate(name: ApplySignal): ReturnType<typeof defineUpdate<ApplyNow, [ApplyTold]>> {
  return defineUpdate<ApplyNow, [ApplyTold]>(name);
}

/** Tells a request that something has moved in its apply. */
export const lookSignal = defineSignal(LOOK_SIGNAL);

/** Tells the workflow of an operation what is wanted of it. */
export const wantedSignal = defineSignal<[OperationTold]>('wanted');
