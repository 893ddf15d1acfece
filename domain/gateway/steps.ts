import type { PlannedStep } from '../planned-step';

/**
 * The steps of `gateway.start` in the order in which they run; their undos run from the last to the first. The names
 * are those of the workflow.
 */
export const startSteps: readonly PlannedStep[] = [
  {
    name: 'allocate',
    do: 'take one free replica of the pool for the organization and raise its epoch',
    undo: {
      kind: 'undo',
      text: 'release the replica by allocation id, last of all; quarantine it if it may still be reached',
    },
    leftBehind: 'the organization keeps its hold on the replica and cannot start another gateway until it is stopped',
  },
  {
    name: 'dns',
    do: 'write the A record of the organization’s host name and the TXT record of its owner, and read both back',
    undo: { kind: 'undo', text: 'delete both records if this allocation owns them' },
    leftBehind: 'the host name goes on resolving',
  },
  {
    name: 'route',
    do: 'write the organization’s desired route: host name, replica address, allocation id',
    undo: { kind: 'undo', text: 'remove the route by allocation id, publish, and verify that no edge answers for it' },
    leftBehind: 'an edge may go on sending the organization’s traffic to the replica, which stays quarantined',
  },
  {
    name: 'reload',
    do: 'publish a new generation on every edge and prove it live',
    undo: { kind: 'nothing', text: 'the undo of route publishes' },
    leftBehind: 'nothing',
  },
  {
    name: 'handshake',
    do: 'have the replica confirm this allocation and epoch',
    undo: { kind: 'undo', text: 'tell the replica to release that epoch' },
    leftBehind: 'the replica may believe that it still serves the organization; it stays quarantined',
  },
];

/** The steps of `gateway.move`: until the replica that is left is told, the allocation can go back to it. */
export const moveSteps: readonly PlannedStep[] = [
  {
    name: 'reserve',
    do: 'take one free replica of the pool for the allocation and raise its epoch',
    undo: {
      kind: 'undo',
      text: 'give back the replica that the allocation does not have, last of all; quarantine it if it may still be reached',
    },
    leftBehind: 'the pool lacks a replica that nobody uses',
  },
  {
    name: 'handshake',
    do: 'have the new replica confirm the allocation and its epoch there',
    undo: { kind: 'undo', text: 'tell the replica that the allocation does not have to release its epoch' },
    leftBehind: 'a replica may believe that it still serves the organization; it stays quarantined',
  },
  {
    name: 'dns',
    do: 'make sure that the host name leads to the edges and belongs to the allocation',
    undo: { kind: 'nothing', text: 'it has to, wherever the allocation is' },
    leftBehind: 'nothing',
  },
  {
    name: 'route',
    do: 'exchange the two replicas, and with them the address of the desired route, unless the gateway is being stopped',
    undo: {
      kind: 'undo',
      text: 'exchange them back, publish, and verify that every edge sends the organization’s traffic to the old replica',
    },
    leftBehind:
      'an edge may send the organization’s traffic to a replica that it does not have, which stays quarantined',
  },
  {
    name: 'reload',
    do: 'publish a new generation on every edge and prove that it leads to the new replica',
    undo: { kind: 'nothing', text: 'the undo of route publishes' },
    leftBehind: 'nothing',
  },
  {
    name: 'farewell',
    do: 'tell the old replica to release its epoch',
    undo: { kind: 'point_of_no_return', text: 'a replica never serves an epoch again that it let go' },
    leftBehind: 'the old replica may believe that it still serves the organization',
  },
  {
    name: 'release',
    do: 'give the old replica back to the pool, or into quarantine if it could not be told or an edge is behind',
    undo: { kind: 'nothing', text: 'the old replica is free' },
    leftBehind: 'the old replica is held by nobody who uses it',
  },
];

/** The steps of `gateway.stop`: until the replica is told, everything can be put back. */
export const stopSteps: readonly PlannedStep[] = [
  {
    name: 'begin',
    do: 'mark the allocation as stopping',
    undo: { kind: 'undo', text: 'mark it as live again' },
    leftBehind: 'the allocation stays marked as stopping',
  },
  {
    name: 'route',
    do: 'remove the organization’s desired route by allocation id',
    undo: { kind: 'undo', text: 'put the route back and publish' },
    leftBehind: 'the host name is not routed although the gateway is allocated',
  },
  {
    name: 'reload',
    do: 'publish a new generation and have every edge prove that it does not answer for the host name',
    undo: { kind: 'nothing', text: 'the undo of route publishes' },
    leftBehind: 'nothing',
  },
  {
    name: 'dns',
    do: 'delete the A record and the owner’s TXT record if this allocation owns them',
    undo: { kind: 'undo', text: 'write both records again' },
    leftBehind: 'the host name does not resolve although the gateway is allocated',
  },
  {
    name: 'farewell',
    do: 'tell the replica to release its epoch',
    undo: { kind: 'point_of_no_return', text: 'a replica never serves an epoch again that it let go' },
    leftBehind:
      'the replica may believe that it still serves the organization, which keeps its hold on it until it is stopped again',
  },
  {
    name: 'release',
    do: 'give the replica back to the pool, or into quarantine if it could not be told',
    undo: { kind: 'nothing', text: 'the replica is free' },
    leftBehind: 'the organization keeps its hold on the replica until it is stopped again',
  },
];
