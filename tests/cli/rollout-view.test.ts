import { gridLines } from '../../cli/rollout-grid';
import type { ApplyEventJson, RolloutNow } from '../../cli/rollout-shapes';
import { rolloutText } from '../../cli/rollout-text';
import { rolloutView } from '../../cli/rollout-view';
import { ApplyState } from '../../domain/rollout/states';
import type { Io } from '../../cli/io';
import { at } from './support/fixtures';
import { placeId, rollout, share } from './support/rollouts';
import { testIo } from './support/run-cli';

/* How a rollout is drawn on a terminal, and told where there is none. */

const now = new Date('2026-11-21T12:00:00.000Z');
const closed = {
  ...{ environment: 'production', open: false, override: null },
  reason: 'environment staging comes first, and 1 of its deployments are not live',
};
const gates = [{ environment: 'staging', open: true, reason: 'nothing is before it', override: null }, closed];
const staging = { environment: 'staging' };
const lost = placeId(3);

/** Deployments in every kind of trouble. */
const troubled = rollout(
  'running_degraded',
  [
    share(0, 'eu-staging', 'revert_window', { ...staging, percent: 100 }),
    share(1, 'us-staging', 'running', { ...staging, percent: 34, eta_seconds: 95 }),
    share(2, 'eu-1', 'failed', { error: { code: 'CHANGE_BLOCKED', message: 'session 42 holds users' }, attempts: 3 }),
    { id: lost, unreadable: 'its state is not one that is known' },
    share(4, 'us-1', 'pending', { waits: closed.reason }),
    share(5, 'us-2', 'waiting_for_cutover', { percent: 100, waits: 'deployment us-staging comes first (running)' }),
  ],
  {
    gates,
    determined: false,
    blamed: [
      { operation: lost, reason: 'its state is not one that is known' },
      { operation: 'all', reason: '7 operations are expected, and 6 are there' },
    ],
    allowed: ['stop', 'cancel'],
  },
);

function drawn(rolled: RolloutNow, columns: number, rows: number, colours = false): string[] {
  return gridLines({ columns, rows, colours, now }, 'shop #3', rolled);
}

test('deployments go down by environment, phases across, with the reason of a closed gate', () => {
  expect(drawn(troubled, 139, 40)).toEqual([
    'shop #3  running degraded  2 min',
    'A deployment has failed; others go on, as far as is known',
    '1 revert window, 1 running, 1 failed, 1 unreadable, 1 pending, 1 waiting for cutover',
    'undetermined: 2 rows are in the way of the truth, and it cannot end before',
    '  all of it: 7 operations are expected, and 6 are there',
    '',
    '              copy  catch up  compare  cut over  window',
    'staging',
    '  eu-staging   ✓       ✓         ✓        ✓        ●     ████████████████████ 100 %  revert window',
    '  us-staging   ●       ·         ·        ·        ·     ██████░░░░░░░░░░░░░░  34 %  running              1 min 35 s left',
    'production  closed: environment staging comes first, and 1 of its deployments are not live',
    '  eu-1                                                   ░░░░░░░░░░░░░░░░░░░░   0 %  failed',
    '    3 attempts: CHANGE_BLOCKED  session 42 holds users',
    `  ${lost}  cannot be read: its state is not one that is known`,
    // Why it waits stands above it already.
    '  us-1         ·       ·         ·        ·        ·     ░░░░░░░░░░░░░░░░░░░░   0 %  pending',
    '  us-2         ✓       ✓         ✓        ○        ·     ████████████████████ 100 %  waiting for cutover  deployment us-staging comes firs…',
    '',
    'now: stop, cancel',
  ]);
});

test('a narrow terminal has no names of phases, then no bars, then a line more for what holds a deployment up', () => {
  const row = (columns: number): string[] =>
    drawn(troubled, columns, 40).filter((line) => /us-2|comes firs/.test(line));
  expect(row(99)).toContain(
    '  us-2        ✓✓✓○·  ████████████████████ 100 %  waiting for cutover  deployment us-staging comes …',
  );
  expect(row(79)).toContain('  us-2        ✓✓✓○·  100 %  waiting for cutover  deployment us-staging comes f…');
  expect(row(55).slice(-2)).toEqual([
    '  us-2        ✓✓✓○·  100 %  waiting for cutover',
    '    deployment us-staging comes first (running)',
  ]);
});

test('a drawing is never wider nor higher than its terminal', () => {
  const long = 'a-deployment-whose-name-goes-on-and-on-until-it-is-longer-than-what-is-left';
  const rows = [...troubled.operations, share(6, long, 'cutting_over', { error: { code: null, message: long } })];
  const many = Array.from({ length: 1_000 }, (_, index) =>
    share(index, `region-${index}`, 'running', { environment: `environment-${index % 40}`, waits: long }),
  );
  const sizes = [40, 52, 60, 79, 99, 139, 220].flatMap((columns) => [9, 14, 23, 60].map((lines) => [columns, lines]));
  for (const [columns, lines] of sizes as [number, number][])
    for (const rolled of [{ ...troubled, operations: rows }, rollout('running', many)]) {
      const drawing = drawn(rolled, columns, lines);
      expect(Math.max(...drawing.map((line) => line.length))).toBeLessThanOrEqual(columns);
      expect(drawing.length).toBeLessThanOrEqual(Math.max(lines, 10));
    }
});

test('where there is no room, what has settled is counted, and what failed or goes on is shown', () => {
  const stateOf = (index: number): ApplyState =>
    index < 30 ? 'completed' : index === 31 ? 'failed' : index < 35 ? 'running' : 'pending';
  const rows = Array.from({ length: 60 }, (_, index) =>
    share(index, `region-${index}`, stateOf(index), index < 20 ? staging : {}),
  );
  const lines = drawn(rollout('running', rows), 99, 16);
  expect(lines).toHaveLength(16);
  expect(lines.slice(0, 6)).toEqual([
    'shop #3  running  2 min',
    'Rows are copied',
    '30 completed, 4 running, 1 failed, 25 pending',
    expect.stringMatching(/copy/),
    'staging  20 completed',
    'production',
  ]);
  for (const index of [30, 31, 32, 33, 34]) expect(lines.join('\n')).toContain(`region-${index} `);
  expect(lines.at(-1)).toBe('  and 31 more: 10 completed, 21 pending');
  // All of it is there where there is room.
  expect(drawn(rollout('running', rows), 99, 80).join('\n')).toMatch(/region-0 [^]*region-59/);
});

test('many environments that are over become one line', () => {
  const rows = Array.from({ length: 40 }, (_, index) =>
    share(index, `region-${index}`, index === 20 ? 'failed' : 'completed', { environment: `env-${index}` }),
  );
  const lines = drawn(rollout('running_degraded', rows), 99, 12);
  expect(lines.length).toBeLessThanOrEqual(12);
  expect(lines.join('\n')).toMatch(/region-20 +.*failed[^]*and 37 environments more: 37 completed/);
});

test('what cannot be read or has failed is red, and only where colours are wanted', () => {
  const lines = drawn(troubled, 139, 40, true);
  const red = lines.filter((line) => line.includes('\u001b[31m')).join('\n');
  expect(red).toMatch(/undetermined[^]*expected, and 6[^]*failed[^]*CHANGE_BLOCKED[^]*cannot be read/);
  expect(red).not.toContain('us-2');
  expect(drawn(troubled, 139, 40).join('')).not.toContain('\u001b');
});

test.each(Object.values(ApplyState))('a deployment that is %s can be drawn', (state) => {
  const lines = drawn(rollout(state, [share(0, 'eu-1', state, { percent: 50 })]), 120, 30);
  expect(lines.at(-1)).toMatch(new RegExp(`eu-1.* ${state.replaceAll('_', ' ')}$`));
});

test('what people asked, and how long a revert is possible, is told until it is over', () => {
  const asked = { stop: null, pause: 'ada', cut_over: null, cancel: 'bob', revert: null, skip_revert: null };
  const window = { revert_window_ends_at: '2026-11-21T12:01:05.000Z' };
  const rows = [share(0, 'eu-1', 'revert_window')];
  expect(drawn(rollout('revert_window', rows, { asked, ...window }), 99, 40)).toEqual(
    expect.arrayContaining([
      'ada holds it: what has begun goes on, nothing else begins',
      'bob cancels it',
      'a revert is possible for 1 min 5 s',
    ]),
  );
  const ended = rollout('completed', rows, { ...window, completed_at: at(60_000) });
  expect(drawn(ended, 99, 40).join('\n')).not.toContain('a revert is possible');
});

const event: ApplyEventJson = {
  ...{ seq: 7, apply_id: placeId(999), operation_id: placeId(1), deployment: 'us-staging', version: 5 },
  ...{ from: 'pending', to: 'running', says: 'Rows are copied', at: at(1_500), text: 'it has its turn' },
};

test.each<[string, Partial<Io>, 'text' | 'plain']>([
  ['where there is no terminal', {}, 'text'],
  ['where it is wanted', { terminal: true, columns: 120, rows: 40 }, 'plain'],
  ['on a terminal that is too small', { terminal: true, columns: 120, rows: 6 }, 'text'],
])('each event is a line %s', (_, over, how) => {
  const io = testIo(over);
  const view = rolloutView(io, 'shop #3', how);
  view.event!(event, '');
  view.event!({ ...event, operation_id: null, deployment: null, from: 'running', to: 'failed', text: '' }, '');
  view.show(troubled);
  view.show(troubled);
  view.show({ ...troubled, apply: { ...troubled.apply, blamed: [], determined: true } });
  view.connection!(false);
  expect(io.written.out.split('\n')).toEqual([
    '11:58:01.500  us-staging  pending -> running  it has its turn',
    '11:58:01.500  rollout  running -> failed',
    `11:59:00.000  rollout  undetermined: ${lost}: its state is not one that is known; all: 7 operations are expected, and 6 are there`,
    '11:59:00.000  rollout  determined again',
    '',
  ]);
  expect(io.written.err).toContain('broke off');
});

test('a drawing takes the place of the one before, and goes on with the time', () => {
  jest.useFakeTimers();
  try {
    let time = Date.parse('2026-11-21T12:00:00.000Z');
    const io = testIo({ terminal: true, columns: 100, rows: 40, now: () => new Date(time) });
    const view = rolloutView(io, 'shop #3', 'text');
    view.show(troubled);
    const height = io.written.out.split('\n').length - 1;
    time += 60_000;
    jest.advanceTimersByTime(1_000);
    expect(io.written.out).toMatch(/degraded {2}2 min[^]*degraded {2}3 min/);
    expect(io.written.out).toContain(`\u001b[${height}A`);
    view.close!();
    const before = io.written.out;
    jest.advanceTimersByTime(5_000);
    expect(io.written.out).toBe(before);
  } finally {
    jest.useRealTimers();
  }
});

test('nothing that others wrote steers the terminal', () => {
  const evil = 'x\u001b[2J\u202e\u0007\ny';
  const rows = [
    share(0, evil, 'failed', { environment: evil, waits: evil, error: { code: null, message: evil } }),
    share(1, evil, 'running', { throttled_by: evil }),
    { id: evil, unreadable: evil },
  ];
  const gate = { environment: evil, open: false, reason: evil, override: null };
  const hostile = rollout('failed', rows, {
    ...{ says: evil, error: evil, blamed: [{ operation: 'all', reason: evil }], determined: false, gates: [gate] },
    asked: { stop: evil, pause: evil, cut_over: null, cancel: null, revert: null, skip_revert: null },
  });
  const io = testIo();
  const view = rolloutView(io, 'shop #3', 'plain');
  view.event!({ ...event, deployment: evil, text: evil }, '');
  view.show(hostile);
  for (const text of [drawn(hostile, 120, 50).join('\n'), io.written.out, rolloutText(testIo(), hostile)])
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});
