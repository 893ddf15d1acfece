import type { PlannedStep } from '../planned-step';

const goesWithMachine = { kind: 'nothing', text: 'it goes with the machine' } as const;

/** The steps of `fleet.provision` in the order in which they run; their undos run from the last to the first. */
export const provisionSteps: readonly PlannedStep[] = [
  {
    name: 'prepare',
    do: 'keep what the machine will be known by: its token, its host key, the replica’s secret',
    undo: { kind: 'undo', text: 'note that the replica is over, last of all' },
    leftBehind: 'the replica is shown as it was; its workflow notes the end later',
  },
  {
    name: 'create',
    do: 'adopt the machine that carries the token, or create it, tags and host key in the same call',
    undo: { kind: 'undo', text: 'destroy every machine that carries the token, and prove it gone' },
    leftBehind: 'the machine may go on running, and costing, until the sweep finds it',
  },
  {
    name: 'address',
    do: 'wait until the machine runs and has an address; destroy what else carries its token',
    undo: goesWithMachine,
    leftBehind: 'nothing',
  },
  {
    name: 'connect',
    do: 'connect over SSH; the host key has to be the one that was given to the machine',
    undo: { kind: 'nothing', text: 'a connection leaves nothing behind' },
    leftBehind: 'nothing',
  },
  {
    name: 'configure',
    do: 'write the files of the profile and run its scripts, under a lock on the machine',
    undo: goesWithMachine,
    leftBehind: 'nothing',
  },
  {
    name: 'health',
    do: 'wait until the health check of the profile passes',
    undo: { kind: 'nothing', text: 'a look leaves nothing behind' },
    leftBehind: 'nothing',
  },
  {
    name: 'join',
    do: 'put the replica into the pool',
    undo: { kind: 'undo', text: 'take it out of the pool' },
    leftBehind: 'an organization may be given the replica although its machine is destroyed',
  },
];

/** The name of a rollout's step for a replica, as in `replica-0-1`; a replica that needs it once more has another. */
export function rolloutStep({ num, generation }: { num: number; generation: number }, time = 1): string {
  return `replica-${num}-${generation}${time === 1 ? '' : `-${time}`}`;
}

/** The steps of `fleet.rollout`. There is one `replica` step for each, named by its number and generation. */
export const rolloutSteps: readonly PlannedStep[] = [
  {
    name: 'begin',
    do: 'make sure that this is the last change of the profile',
    undo: {
      kind: 'undo',
      text: 'put the former revision back, last of all also on replicas that came up with the new one meanwhile',
    },
    leftBehind: 'the gateway is shown with the new revision, and its new replicas get that',
  },
  {
    name: 'replica',
    do: 'let nobody be given the replica, configure it with the new revision, wait until it is healthy, and let it go',
    undo: { kind: 'undo', text: 'put the former revision back, and configure the replica with that in the same way' },
    leftBehind: 'the replica is replaced',
  },
  {
    name: 'window',
    do: 'wait for a while whether somebody wants it taken back',
    undo: { kind: 'nothing', text: 'waiting leaves nothing behind' },
    leftBehind: 'nothing',
  },
];

/** The steps of `fleet.retire`: there is no way back, so what fails waits for a person. */
export const retireSteps: readonly PlannedStep[] = [
  {
    name: 'withdraw',
    do: 'give the replica to nobody any more',
    undo: { kind: 'point_of_no_return', text: 'a replica on its way out never comes back' },
    leftBehind: 'an organization may be given the replica although it is on its way out',
  },
  {
    name: 'drain',
    do: 'wait for a while until no organization holds the replica, then move whoever does to another one',
    undo: { kind: 'nothing', text: 'nobody holds it' },
    leftBehind: 'the organization that holds it loses its gateway',
  },
  {
    name: 'leave',
    do: 'take the replica out of the pool',
    undo: { kind: 'nothing', text: 'it is in no pool' },
    leftBehind: 'the pool shows a replica that is gone',
  },
  {
    name: 'destroy',
    do: 'destroy every machine that carries the replica’s token, and prove it gone',
    undo: { kind: 'nothing', text: 'the machine is gone' },
    leftBehind: 'the machine may go on running, and costing, until the sweep finds it',
  },
  {
    name: 'settle',
    do: 'note that the replica is over',
    undo: { kind: 'nothing', text: 'the replica is over' },
    leftBehind: 'the replica is shown as it was; its workflow notes the end later',
  },
];
