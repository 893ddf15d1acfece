import { DeployAction, freesPlace, refusalOf, type Actable } from '../../domain/deploy/actions';
import { applyState, projectedState } from '../../domain/deploy/projection';
import type { DeploymentState } from '../../domain/deploy/states';
import { holdsPlace, isTerminal, stateText } from '../../domain/deploy/states';
import { throttleOfVolume, throttleRatio } from '../../domain/deploy/throttle';
import { failures } from '../../domain/failures';
import { allRows, reasons, rowsOf, runIn, type Row } from './support/case-rows';

/* The rows that the tables of the domain answer. */

test('every row is of a kind that is run; what is left out is a row and has a reason', () => {
  const known: readonly string[] = Object.values(runIn).flat();
  expect(allRows.filter(({ kind }) => !known.includes(kind))).toEqual([]);
  for (const [name, reason] of Object.entries(reasons)) {
    expect(allRows.map((row) => row.name)).toContain(name);
    expect(reason.length).toBeGreaterThan(40);
  }
});

const runs: Readonly<Record<(typeof runIn.domain)[number], (row: Row) => void>> = {
  derive_state(row) {
    const operations = row.migrations.map((each) => ({ status: each.status, readyToComplete: each.ready_to_complete }));
    const wishes = { cutoverRequested: row.cutover_requested, instantRequested: row.instant_ddl_requested };
    expect(projectedState(operations, wishes)).toBe(row.expected);
  },
  engine_state: ({ state, expected }) => expect(applyState(state!)).toBe(expected),
  gate: ({ previous, expected }) =>
    expect(holdsPlace(previous.state)).toBe((expected as { readonly blocked: boolean }).blocked),
  clear_action: ({ state, expected }) => expect(freesPlace(state as DeploymentState) ?? 'none').toBe(expected),
  can_cancel({ state, expected }) {
    const request = { state: state as DeploymentState, deployed: true, closed: false, approvalMissing: false };
    expect(refusalOf('cancel', request) === null).toBe(expected);
  },
  is_terminal: ({ state, expected }) => expect(isTerminal(state as DeploymentState)).toBe(expected),
  state_message_contains: ({ state, expected }) => expect(stateText(state!)).toContain(expected),
  throttle({ ratio, expected }) {
    const set = (): number => throttleRatio(ratio);
    if ((expected as { readonly ok: boolean }).ok) expect(set()).toBe(ratio);
    else expect(set).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  },
  volume_to_throttle: ({ volume, expected }) => expect(throttleOfVolume(volume)).toBe(expected),
};

test.each(rowsOf(...runIn.domain))('$name', (row) => runs[row.kind as keyof typeof runs](row));

const statuses = { null: 200, STATE_CONFLICT: 409, APPROVAL_MISSING: 403 } as const;
const actionOf = ({ action }: Row): string => action.replace(/\(.*\)$/, '');
/** A request that is not there, and a look at one, are the API's. */
const actions = rowsOf('action').filter(
  (row) => row.state !== null && (Object.values(DeployAction) as string[]).includes(actionOf(row)),
);

test.each(actions)('$name', (row) => {
  const request: Actable = {
    state: row.state as DeploymentState,
    deployed: row.deployed ?? false,
    closed: false,
    approvalMissing: row.require_approval ?? false,
  };
  const refusal = refusalOf(actionOf(row) as DeployAction, request);
  const expected = row.expected as { http_status: number; message?: string };
  expect(refusal === null ? statuses.null : failures[refusal.code].status).toBe(expected.http_status);
  const message = row.message ?? expected.message;
  if (message) expect(refusal!.message).toContain(message);
});
