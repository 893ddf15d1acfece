import { readCases, type Case } from '../support/cases';
import { DeployAction, freesPlace, refusalOf, type Actable } from '../../domain/deploy/actions';
import { projectedState } from '../../domain/deploy/projection';
import type { DeploymentState } from '../../domain/deploy/states';
import { holdsPlace, isTerminal, stateFacts, stateText } from '../../domain/deploy/states';
import { throttleOfVolume, throttleRatio } from '../../domain/deploy/throttle';
import { failures } from '../../domain/failures';
import { overruled } from './support/overruled';

interface Row extends Case {
  readonly kind: string;
  readonly state: string | null;
  readonly action: string;
  readonly deployed?: boolean;
  readonly require_approval?: boolean;
  readonly message?: string | null;
  readonly expected: never;
  readonly migrations: readonly { status: string; ready_to_complete: boolean }[];
  readonly cutover_requested: boolean;
  readonly instant_ddl_requested: boolean;
  readonly previous: { readonly state: DeploymentState };
  readonly ratio: number;
  readonly volume: number;
}

const all = readCases<Row>('deploy_request_cases.json');
const known = (state: string | null): state is DeploymentState => state !== null && Object.hasOwn(stateFacts, state);

const rowsOf = (kind: string): Row[] => all.filter((row) => row.kind === kind && !Object.hasOwn(overruled, row.name));

test.each(rowsOf('derive_state'))('$name', (row) => {
  const operations = row.migrations.map((each) => ({ status: each.status, readyToComplete: each.ready_to_complete }));
  const wishes = { cutoverRequested: row.cutover_requested, instantRequested: row.instant_ddl_requested };
  expect(projectedState(operations, wishes)).toBe(row.expected);
});

const statuses = { null: 200, STATE_CONFLICT: 409, APPROVAL_MISSING: 403 } as const;
const actions = rowsOf('action').filter(({ state, action }) => known(state) && isAction(action));

function isAction(action: string): boolean {
  return (Object.values(DeployAction) as string[]).includes(action.replace(/\(.*\)$/, ''));
}

test.each(actions)('$name', (row) => {
  const request: Actable = {
    state: row.state as DeploymentState,
    deployed: row.deployed ?? false,
    closed: false,
    approvalMissing: row.require_approval ?? false,
  };
  const refusal = refusalOf(row.action.replace(/\(.*\)$/, '') as DeployAction, request);
  const expected = row.expected as { http_status: number; message?: string };
  expect(refusal === null ? statuses.null : failures[refusal.code].status).toBe(expected.http_status);
  const message = row.message ?? expected.message;
  if (message) expect(refusal!.message).toContain(message);
});

test.each(rowsOf('gate'))('$name', (row) => {
  expect(holdsPlace(row.previous.state)).toBe((row.expected as { blocked: boolean }).blocked);
});

test.each(rowsOf('clear_action'))('$name', (row) => {
  expect(freesPlace(row.state as DeploymentState) ?? 'none').toBe(row.expected);
});

test.each(rowsOf('can_cancel'))('$name', (row) => {
  const request = { state: row.state as DeploymentState, deployed: true, closed: false, approvalMissing: false };
  expect(refusalOf('cancel', request) === null).toBe(row.expected);
});

test.each(rowsOf('is_terminal'))('$name', (row) => {
  expect(isTerminal(row.state as DeploymentState)).toBe(row.expected);
});

test.each(rowsOf('state_message_contains'))('$name', (row) => {
  expect(stateText(row.state!)).toContain(row.expected);
});

test.each(rowsOf('throttle'))('$name', (row) => {
  const set = (): number => throttleRatio(row.ratio);
  if ((row.expected as { ok: boolean }).ok) expect(set()).toBe(row.ratio);
  else expect(set).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
});

test.each(rowsOf('volume_to_throttle'))('$name', (row) => {
  expect(throttleOfVolume(row.volume)).toBe(row.expected);
});
