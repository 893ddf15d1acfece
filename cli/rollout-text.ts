import type { Io } from './io';
import { gridLines } from './rollout-grid';
import { applyColour } from './rollout-phases';
import type { ApplyJson, ApplyPlanJson, LockJson, PlaceJson, RolloutNow } from './rollout-shapes';
import { table, type Column } from './table';
import { ago, age, count, fields, moment, paint, tame, wholeSeconds, words, type Field } from './text';

/** Rollouts, a line each. */
export function rolloutsTable(io: Io, applies: readonly ApplyJson[]): string {
  const live = ({ operations_by_state: counts }: ApplyJson): number =>
    (counts['completed'] ?? 0) + (counts['revert_window'] ?? 0) + (counts['skipping_revert'] ?? 0);
  const columns: Column<ApplyJson>[] = [
    { head: 'number', align: 'right', cell: ({ number }) => String(number) },
    {
      head: 'state',
      cell: ({ state, determined }) => `${words(state)}${determined ? '' : ' (undetermined)'}`,
      colour: ({ state, determined }) => (determined ? applyColour(state) : 'red'),
    },
    { head: 'live', align: 'right', cell: (apply) => `${live(apply)}/${apply.operations_total}` },
    { head: 'cut-overs', spare: 3, cell: ({ cutover }) => cutover },
    { head: 'on failure', spare: 2, cell: ({ on_failure }) => on_failure },
    { head: 'begun', spare: 1, cell: ({ created_at }) => ago(created_at, io.now()) },
    { head: 'error', cell: ({ error }) => tame(error ?? '').slice(0, 60) },
  ];
  return table(io, columns, applies);
}

/** A rollout with what was set of it, and all its deployments. */
export function rolloutText(io: Io, { apply, operations }: RolloutNow): string {
  const canvas = { columns: io.columns ?? WIDE, rows: Infinity, colours: io.colours, now: io.now() };
  const lines = gridLines(canvas, `${apply.database} #${apply.number}`, {
    apply: { ...apply, allowed: [] },
    operations,
  });
  const copies = apply.cutover === 'barrier' ? `, ${apply.copies} copy at once` : '';
  return [
    lines.map((line) => `${line}\n`).join(''),
    '\n',
    fields(io, [
      ['cut-overs', `${apply.cutover}${copies}${apply.deferred ? ', when somebody says so' : ''}`],
      ['on failure', apply.on_failure],
      ['reverts', apply.revert_together ? 'all of it, until the last is live' : 'each by itself'],
      ['environments', apply.environments.join(', then ') || undefined],
      ['throttle', apply.throttle_ratio === 0 ? 'full speed' : `rests ${Math.round(apply.throttle_ratio * 100)} %`],
      ['begun', moment(apply.created_at)],
      ['ended', apply.completed_at === null ? undefined : moment(apply.completed_at)],
      ...nextFields(apply),
    ]),
  ].join('');
}

/** Columns where the output is no terminal. */
const WIDE = 160;

/** What to type next, of what is allowed. */
function nextFields({ database, number, allowed }: ApplyJson): Field[] {
  return allowed.map((verb, index) => [
    index === 0 ? 'next' : '',
    `gatewright rollout ${verb} ${database} ${number}${arguments_[verb] ?? ''}`,
  ]);
}

const arguments_: Readonly<Partial<Record<ApplyJson['allowed'][number], string>>> = {
  volume: ' 1..11',
  override: ' ENVIRONMENT --reason WHY',
};

/** What would be done in each deployment. */
export function planText(io: Io, plan: ApplyPlanJson): string {
  const { cutover, copies, on_failure: onFailure, environments } = plan.settings;
  const head: Field[] = [
    ['change', `${plan.branch} into ${plan.into_branch}`],
    ['possible', plan.deployable ? 'yes' : 'no', plan.deployable ? 'green' : 'red'],
    ['cut-overs', `${cutover}${cutover === 'barrier' ? `, ${copies} copy at once` : ''}`],
    ['on failure', onFailure],
    ['environments', environments.join(', then ') || undefined],
  ];
  return [fields(io, head), ...plan.deployments.map((each) => `\n${plannedText(io, each)}`)].join('');
}

function plannedText(io: Io, planned: ApplyPlanJson['deployments'][number]): string {
  const { gate, error, operations, lint, drift, bytes_needed: bytes } = planned;
  const size = bytes > 0 ? `  ${Math.ceil(bytes / 2 ** 20)} MB` : '';
  const title = `${planned.deployment}${planned.environment ? `  ${planned.environment}` : ''}`;
  return [
    `${paint(io, 'bold', tame(title))}${paint(io, 'dim', size)}\n`,
    fields(
      io,
      [
        ['gate', gate.open ? undefined : gate.reason, 'yellow'],
        ['error', error ? `${error.code}  ${error.message}` : undefined, 'red'],
        ...drift.map((text): Field => ['drift', text, 'red']),
        ...operations.map(({ ddl, way, because }): Field => [way, `${ddl}  (${because})`]),
        ...lint.map(({ severity, code, message }): Field => [
          severity,
          `${code}  ${message}`,
          severity === 'error' ? 'red' : 'yellow',
        ]),
        ['', operations.length === 0 && !error ? 'nothing to do' : undefined, 'dim'],
      ],
      2,
    ),
  ].join('');
}

/** The deployments of a database, in the order in which they are changed. */
export function placesTable(io: Io, places: readonly PlaceJson[]): string {
  const columns: Column<PlaceJson>[] = [
    { head: 'deployment', cell: ({ name }) => name },
    { head: 'environment', cell: ({ environment }) => environment },
    { head: 'position', align: 'right', cell: ({ position }) => String(position) },
    { head: 'server', cell: ({ server }) => server },
    { head: 'schema', cell: ({ schema }) => schema },
    { head: 'added', spare: 1, cell: ({ created_at }) => ago(created_at, io.now()) },
  ];
  return table(io, columns, places);
}

/** Who may change the schema of which deployments. */
export function locksTable(io: Io, locks: readonly LockJson[]): string {
  const columns: Column<LockJson>[] = [
    { head: 'owner', cell: ({ owner }) => owner },
    { head: 'for', align: 'right', cell: ({ acquired_at }) => age(acquired_at, io.now()) },
    { head: 'deployments', cell: lockedText },
    {
      head: 'taken',
      cell: ({ forced }) => (forced ? `by ${forced.by} from ${forced.from.join(', ')}: ${forced.reason}` : ''),
    },
  ];
  return table(io, columns, locks);
}

/** What a lock is for. */
export function lockedText({ deployments }: LockJson): string {
  return deployments.length === 0 ? 'all' : deployments.map(({ id, name }) => name ?? id).join(', ');
}

/** One lock, as it is told once it was taken. */
export function lockText(io: Io, lock: LockJson, had: boolean, lost: readonly LockJson[]): string {
  return fields(io, [
    ['owner', lock.owner],
    ['deployments', lockedText(lock)],
    ['for', `${wholeSeconds(lock.age_seconds * 1_000)}${had ? ', it was yours already' : ''}`],
    ['taken from', lost.length > 0 ? lost.map(({ owner }) => owner).join(', ') : undefined, 'yellow'],
  ]);
}

/** How many deployments a command was about, as in `2 deployments stopped, 1 left alone`. */
export function countedText(done: number, verb: string, skipped: number): string {
  return `${count(done, 'deployment')} ${verb}${skipped > 0 ? `, ${skipped} left alone` : ''}\n`;
}
