import { verdictOf, type Known, type Verdict } from '../../domain/rollout/verdict';

const at = new Date(1_000);
const row = (position: number, state: string, more: object = {}): object => ({
  ...{ id: `op-${position}`, applyId: 'a', position, state, deployment: `region-${position}`, onFailure: 'continue' },
  ...{ released: false, startedAt: new Date(0), error: null, ...more },
});

function verdict(rows: Known['rows'], more: Partial<Known> = {}): Verdict {
  const stored = { state: 'running', completedAt: null, error: null } as const;
  const expected = Array.isArray(rows) ? rows.length : 2;
  return verdictOf({ applyId: 'a', expected, rows, stored, at, ...more });
}

test.each<[string, unknown, string, string]>([
  ['its state is overwritten', row(1, 'x'), 'op-1', 'its state is not one that is known'],
  ['its state is gone', row(1, 'completed', { state: null }), 'op-1', 'its state is not one that is known'],
  ['it is another apply’s', row(1, 'completed', { applyId: 'b' }), 'op-1', 'it belongs to another apply'],
  ['its place is gone', row(1, 'completed', { position: null }), 'op-1', 'its place in the rollout is not a number'],
  [
    'it has another’s place',
    row(0, 'completed', { id: 'op-1' }),
    'op-1',
    'it is there twice, or another has its place',
  ],
  ['it cannot be read', 'what a hand wrote', 'row 2', 'its row cannot be read'],
  ['it has no id', row(1, 'completed', { id: 7 }), 'row 2', 'it has no id'],
])('a row is blamed when %s; once it is repaired, the apply ends', (_, damaged, operation, reason) => {
  const found = verdict([row(0, 'completed'), damaged]);
  expect(found).toMatchObject({ state: 'running', determined: false, completedAt: null });
  expect(found.blamed).toEqual([{ operation, reason }]);
  const repaired = verdict([row(0, 'completed'), row(1, 'completed')]);
  expect(repaired).toEqual({ state: 'completed', completedAt: at, error: null, determined: true, blamed: [] });
});

test('a row that is not there is missed', () => {
  expect(verdict([row(0, 'completed')], { expected: 2 }).blamed).toEqual([
    { operation: 'all', reason: '2 operations are expected, and 1 are there' },
  ]);
  expect(verdict('unreadable').blamed).toEqual([{ operation: 'all', reason: 'no row could be read' }]);
});

test('the message is that of the first failure in the order of the rollout, once all have settled', () => {
  const failed = [row(2, 'failed', { error: 'no space' }), row(1, 'failed', { error: 'lock wait' })];
  expect(verdict([...failed, row(0, 'running')])).toMatchObject({ state: 'running_degraded', error: null });
  const error = 'deployment region-1 failed: lock wait (and 1 more)';
  expect(verdict([...failed, row(0, 'completed')])).toMatchObject({ state: 'failed', error, completedAt: at });
  expect(verdict([row(0, 'failed')]).error).toBe('deployment region-0 failed: nobody said why');
});

test('what an operation says counts before its row has it, unless the row has settled', () => {
  const rows = [row(0, 'completed'), row(1, 'running')];
  expect(verdict(rows, { current: { id: 'op-1', state: 'cutting_over' } }).state).toBe('cutting_over');
  expect(verdict(rows, { current: { id: 'op-1', state: 'completed' } }).state).toBe('completed');
  const late = verdict(rows, { current: { id: 'op-0', state: 'cutting_over' } });
  expect(late.state).toBe('running');
  const says = verdict(rows, { current: { id: 'op-1', state: 'failed', error: 'killed' } });
  expect(says.error).toBe('deployment region-1 failed: killed');
});

test('what was cancelled or reverted in part is not over', () => {
  expect(verdict([row(0, 'cancelled'), row(1, 'running')]).state).toBe('running_degraded');
  expect(verdict([row(0, 'cancelled'), row(1, 'stopped')]).state).toBe('running_degraded');
  expect(verdict([row(0, 'reverted'), row(1, 'revert_window')]).state).toBe('reverting');
  expect(verdict([row(0, 'reverted'), row(1, 'cancelled')])).toMatchObject({ state: 'cancelled', completedAt: at });
});

test('what somebody holds is paused, unless something goes on by itself that has to be told', () => {
  expect(verdict([row(0, 'completed'), row(1, 'pending')], { paused: true }).state).toBe('paused');
  expect(verdict([row(0, 'failed'), row(1, 'running')], { paused: true }).state).toBe('paused');
  expect(verdict([row(0, 'completed'), row(1, 'cutting_over')], { paused: true }).state).toBe('cutting_over');
  expect(verdict([row(0, 'completed'), row(1, 'reverting')], { paused: true }).state).toBe('reverting');
  expect(verdict([row(0, 'completed'), row(1, 'completed')], { paused: true }).state).toBe('completed');
});

test('of an apply that was stopped nothing is completed, and what never began keeps a halt from nothing', () => {
  const stopped = { startedAt: null, onFailure: 'halt' };
  expect(verdict([row(0, 'completed'), row(1, 'stopped')])).toMatchObject({ state: 'stopped', completedAt: null });
  expect(verdict([row(0, 'failed', stopped), row(1, 'stopped', stopped)]).state).toBe('failed');
  const begun = row(1, 'stopped', { onFailure: 'halt' });
  expect(verdict([row(0, 'failed', stopped), begun]).state).toBe('running_degraded');
});
