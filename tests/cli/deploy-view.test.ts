import type { DeployRequestJson, OperationJson } from '../../cli/deploy-shapes';
import { requestText } from '../../cli/deploy-text';
import { requestView } from '../../cli/deploy-view';
import type { Io } from '../../cli/io';
import { testIo } from './support/run-cli';

/* How a deploy request is drawn on a terminal. */

function operation(table: string, over: Partial<OperationJson> = {}): OperationJson {
  return {
    ...{ table_name: table, operation_name: 'ALTER', ddl_statement: '', can_drop_data: false, way: '', because: '' },
    ...{ state: 'pending', progress_percentage: 0, eta_seconds: null, deploy_errors: null },
    ...{ rows_copied: 0, rows_per_second: 0, throttled_by: null },
    ...over,
  };
}

function request(
  state: DeployRequestJson['deployment_state'],
  over: Partial<DeployRequestJson['deployment']> = {},
): DeployRequestJson {
  return {
    ...{ id: 'id', number: 3, branch: 'dev', into_branch: 'main', approved: false, state: 'open', notes: '' },
    ...{ deployment_state: state, actor: { display_name: 'ada' }, created_at: '2026-11-21T11:58:00.000Z' },
    ...{ closed_at: null, deployed_at: null, renames: [] },
    deployment: {
      ...{
        auto_cutover: false,
        state_message: 'Working: something happens',
        allowed: [],
        error: null,
        lint_errors: [],
      },
      ...{ lint_warnings: [], preceding_deployments: [], instant_ddl: false, throttle_ratio: 0 },
      ...{ throttle: 'full speed', revert_window_ends_at: null, deploy_operations: [] },
      ...over,
    },
  };
}

/** What is on the screen after each of some drawings. */
function drawings(requests: readonly DeployRequestJson[], over: Partial<Io> = {}): string[] {
  const io = testIo({ terminal: true, columns: 90, ...over });
  const view = requestView(io, 'shop', 'text');
  const screens = requests.map((each) => {
    const before = io.written.out.length;
    view.show(each);
    return io.written.out.slice(before);
  });
  view.close();
  return screens;
}

/** The lines of a drawing, without what moves the cursor. */
function linesOf(drawing: string): string[] {
  // eslint-disable-next-line no-control-regex
  const text = drawing.replace(/\u001b\[\d*[AKJ]/g, '');
  return text.split('\n').slice(0, -1);
}

test('each table has a bar, how fast it is and how long it takes', () => {
  const [drawing] = drawings([
    request('in_progress', {
      throttle_ratio: 0.3,
      throttle: 'rests 30 % of the time',
      deploy_operations: [
        operation('users', { state: 'complete', progress_percentage: 100 }),
        operation('orders', {
          state: 'in_progress',
          progress_percentage: 50,
          rows_per_second: 98_765,
          eta_seconds: 65,
        }),
        operation('tags', { operation_name: 'CREATE' }),
        operation('bad', { state: 'error', progress_percentage: 7, deploy_errors: 'no room' }),
      ],
    }),
  ]);
  expect(linesOf(drawing!)).toEqual([
    'shop #3  dev into main  0 s',
    'in progress: something happens',
    'throttle: rests 30 % of the time',
    'ALTER  users  ████████████████████ 100 %  complete',
    'ALTER  orders ██████████░░░░░░░░░░  50 %  98,765 rows/s, 1 min 5 s left',
    'CREATE tags   ░░░░░░░░░░░░░░░░░░░░   0 %  pending',
    'ALTER  bad    █░░░░░░░░░░░░░░░░░░░   7 %  no room',
  ]);
});

test('where there are several deployments, each table is told of with its own, once for each change', () => {
  const both = request('in_progress', {
    deploy_operations: [
      operation('users', { shard: 'eu', state: 'in_progress', progress_percentage: 50, rows_per_second: 10 }),
      operation('users', { shard: 'us', state: 'complete', progress_percentage: 100 }),
    ],
  });
  const [drawing] = drawings([both]);
  expect(linesOf(drawing!).slice(2)).toEqual([
    'ALTER  eu users ██████████░░░░░░░░░░  50 %  10 rows/s',
    'ALTER  us users ████████████████████ 100 %  complete',
  ]);
  const io = testIo();
  const lines = requestView(io, 'shop', 'text');
  lines.show(both);
  lines.show(both);
  expect(io.written.out.match(/ALTER .*/g)).toEqual(['ALTER eu users  50 %  10 rows/s', 'ALTER us users  complete']);
});

test('what holds the cut-over up, whom it waits for, and the seconds left for a revert are told', () => {
  const error = { code: 'CHANGE_BLOCKED', message: 'session 42 of app\nholds users' } as const;
  const [blocked, queued, window] = drawings([
    request('pending_cutover', { error }),
    request('queued', { preceding_deployments: [{ deploy_request_number: 1 }, { deploy_request_number: 2 }] }),
    request('complete_pending_revert', { revert_window_ends_at: '2026-11-21T12:01:05.500Z' }), // the clock stands at noon
  ]);
  expect(linesOf(blocked!)).toContain('CHANGE_BLOCKED  session 42 of app holds users');
  expect(linesOf(queued!)).toContain('behind #1, #2');
  expect(linesOf(window!)).toContain('a revert is possible for 1 min 6 s');
});

test('a drawing takes the place of the one before', () => {
  const [first, second] = drawings([
    request('in_progress', { deploy_operations: [operation('a'), operation('b')] }),
    request('complete'),
  ]);
  expect(first!.startsWith('\u001b')).toBe(false);
  expect(second!.startsWith(`\u001b[${linesOf(first!).length}A`)).toBe(true);
  expect(second!.endsWith('\u001b[J')).toBe(true);
});

test('time goes on in it although nothing changes', () => {
  jest.useFakeTimers();
  try {
    let now = Date.parse('2026-11-21T12:00:00.000Z');
    const io = testIo({ terminal: true, columns: 90, now: () => new Date(now) });
    const view = requestView(io, 'shop', 'text');
    view.show(request('complete_pending_revert', { revert_window_ends_at: '2026-11-21T12:00:30.000Z' }));
    now += 20_000;
    jest.advanceTimersByTime(1_000);
    expect(io.written.out).toMatch(/possible for 30 s[^]*possible for 10 s/);
    view.close();
    const drawn = io.written.out;
    jest.advanceTimersByTime(5_000);
    expect(io.written.out).toBe(drawn);
  } finally {
    jest.useRealTimers();
  }
});

test('on a small terminal those that something happens to come first, and no line is broken', () => {
  const long = 'a_table_whose_name_goes_on_and_on_until_it_is_longer_than_any_line_of_this_terminal_could_be';
  const operations = [
    ...Array.from({ length: 30 }, (_, index) => operation(`table_${index}`)),
    operation(long, { state: 'in_progress', progress_percentage: 99, rows_per_second: 120_000, eta_seconds: 3_000 }),
  ];
  const [drawing] = drawings([request('in_progress', { deploy_operations: operations })], { columns: 70, rows: 16 });
  const lines = linesOf(drawing!);
  expect(lines.length).toBeLessThan(16);
  expect(lines.join('\n')).toMatch(/a_table.*99 %[^]*and 23 more/);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(70);
});

test('nothing that others wrote steers the terminal', () => {
  const evil = 'x\u001b[2J\u202e\u0007';
  const shown = request('pending_cutover', {
    error: { code: 'CHANGE_BLOCKED', message: evil },
    lint_errors: [{ lint_error: evil, table_name: evil, error_description: evil, severity: 'error' }],
    deploy_operations: [operation(evil, { state: 'error', deploy_errors: evil, throttled_by: evil, because: evil })],
  });
  const hostile = { ...shown, branch: evil, into_branch: evil, notes: evil, actor: { display_name: evil } };
  const [drawing] = drawings([hostile]);
  const io = testIo();
  const lines = requestView(io, evil, 'text');
  lines.show(hostile);
  for (const text of [linesOf(drawing!).join('\n'), io.written.out, requestText(testIo(), evil, hostile)])
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});
