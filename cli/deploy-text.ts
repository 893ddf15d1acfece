import { isTerminal, type DeploymentState } from '../domain/deploy/states';
import type {
  DatabaseJson,
  DeployRequestJson,
  LintJson,
  OperationJson,
  PlannedOperationJson,
  TextJson,
} from './deploy-shapes';
import type { Io } from './io';
import { table, type Column } from './table';
import { ago, fields, moment, paint, tame, wholeSeconds, words, type Colour, type Field } from './text';

/** The colour of a deployment's state. */
export function deployColour(state: DeploymentState): Colour | undefined {
  if (state.endsWith('error')) return 'red';
  if (state === 'complete' || state === 'complete_pending_revert') return 'green';
  if (isTerminal(state)) return 'dim';
  return state === 'pending_cutover' || state.includes('cancel') || state.includes('revert') ? 'yellow' : undefined;
}

/** Whether a database or a branch can be used. */
export function resourceColour({ resource_state }: Pick<DatabaseJson, 'resource_state'>): Colour | undefined {
  if (resource_state === 'failed') return 'red';
  return resource_state === 'ready' ? 'green' : 'yellow';
}

/** Deploy requests, a line each. */
export function requestsTable(io: Io, requests: readonly DeployRequestJson[]): string {
  const columns: Column<DeployRequestJson>[] = [
    { head: 'number', align: 'right', cell: ({ number }) => String(number) },
    { head: 'from', cell: ({ branch }) => branch },
    { head: 'into', cell: ({ into_branch }) => into_branch },
    {
      head: 'state',
      cell: ({ state, deployment_state }) =>
        state === 'closed' && !isTerminal(deployment_state) ? 'closed' : words(deployment_state),
      colour: ({ deployment_state }) => deployColour(deployment_state),
    },
    { head: 'by', spare: 2, cell: ({ actor }) => actor.display_name },
    { head: 'opened', spare: 1, cell: ({ created_at }) => ago(created_at, io.now()) },
    { head: 'notes', spare: 3, cell: ({ notes }) => notes.split('\n')[0]!.slice(0, 60) },
  ];
  return table(io, columns, requests);
}

/** A deploy request with what it does, how far it is, and what can be done with it. */
export function requestText(io: Io, database: string, request: DeployRequestJson): string {
  const { deployment, deployment_state: state, deployed_at, closed_at } = request;
  const preceding = deployment.preceding_deployments.map((each) => `#${each.deploy_request_number}`);
  const head: Field[] = [
    ['request', `${database} #${request.number}`],
    ['change', `${request.branch} into ${request.into_branch}`],
    ['state', stateLine(state, deployment.state_message), deployColour(state)],
    ['behind', preceding.join(', ') || undefined],
    ['error', errorText(request), 'red'],
    ['opened', `${moment(request.created_at)} by ${request.actor.display_name}${request.approved ? ', approved' : ''}`],
    ['deployed', deployed_at === null ? undefined : moment(deployed_at)],
    ['closed', closed_at === null ? undefined : moment(closed_at)],
    ['notes', request.notes || undefined],
    ['renames', request.renames.map(({ table, from, to }) => `${table}.${from} to ${to}`).join(', ') || undefined],
    ...(beforeCutover.includes(state) ? beforeFields(deployment) : []),
    ['revert', windowText(request, io.now())],
  ];
  const lint = [...deployment.lint_errors, ...deployment.lint_warnings];
  const operations = deployment.deploy_operations;
  return [
    fields(io, head),
    ...(operations.length > 0 ? ['\n', operationsTable(io, operations)] : []),
    ...(lint.length > 0 ? ['\n', lintText(io, lint)] : []),
    ...(deployment.allowed.length > 0 ? ['\n', fields(io, nextFields(database, request))] : []),
  ].join('');
}

/** A state in a word and in a sentence, which may begin with the word. */
export function stateLine(state: DeploymentState, message: string): string {
  return `${words(state)}: ${message.replace(/^[A-Z][a-z]+: /, '')}`;
}

const beforeCutover: readonly DeploymentState[] = [
  ...(['pending', 'ready', 'queued', 'submitting', 'in_progress', 'pending_cutover'] as const),
];

/** What can still be set, and matters. */
function beforeFields({ auto_cutover, throttle }: DeployRequestJson['deployment']): Field[] {
  return [
    ['cut-over', auto_cutover ? 'by itself' : 'waits for `gatewright deploy apply`'],
    ['throttle', throttle],
  ];
}

/** How far each table is. */
function operationsTable(io: Io, operations: readonly OperationJson[]): string {
  const several = operations.some(({ shard }) => shard !== undefined);
  const columns: Column<OperationJson>[] = [
    ...(several ? [{ head: 'deployment', cell: ({ shard }: OperationJson) => shard ?? '' }] : []),
    { head: 'table', cell: ({ table_name }) => table_name },
    { head: 'change', cell: ({ operation_name }) => operation_name },
    { head: 'state', cell: ({ state }) => words(state), colour: operationColour },
    { head: 'done', align: 'right', cell: ({ progress_percentage }) => `${progress_percentage} %` },
    { head: 'made', cell: ({ way }) => way },
    { head: 'because', spare: 2, cell: ({ because }) => because },
    { head: 'loses', spare: 1, cell: ({ can_drop_data }) => (can_drop_data ? 'data' : '') },
  ];
  return table(io, columns, operations);
}

export function operationColour({ state }: Pick<OperationJson, 'state'>): Colour | undefined {
  if (state === 'error') return 'red';
  if (state === 'complete') return 'green';
  return state === 'cancelled' ? 'yellow' : undefined;
}

/** What a change would do, before it is one. */
export function plannedText(io: Io, operations: readonly PlannedOperationJson[]): string {
  return operations
    .map(
      ({ ddl_statement, way, because }) =>
        `${tame(ddl_statement)}\n${paint(io, 'dim', `  ${way}: ${tame(because)}`)}\n`,
    )
    .join('');
}

/** What the checks found, an entry each. */
export function lintText(io: Io, found: readonly LintJson[]): string {
  return fields(
    io,
    found.map(({ severity, lint_error, error_description }) => [
      severity,
      `${lint_error}  ${error_description}`,
      severity === 'error' ? 'red' : 'yellow',
    ]),
  );
}

/** Lines that begin with what became of them, below the names of their objects. */
export function diffText(io: Io, objects: readonly TextJson[]): string {
  const colours: Readonly<Record<string, Colour>> = { '+': 'green', '-': 'red' };
  return objects
    .map(({ name, raw }) => {
      const lines = tame(raw).split('\n');
      return [paint(io, 'bold', tame(name)), ...lines.map((line) => paint(io, colours[line[0] ?? ''], line))];
    })
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

/** Why a request failed, was held up, or cannot be deployed; undefined where all is well. */
export function errorText({ deployment: { error } }: DeployRequestJson): string | undefined {
  return error ? `${error.code}  ${tame(error.message)}` : undefined;
}

/** How long a request can still be reverted; undefined where it cannot. */
export function windowText({ deployment, deployment_state }: DeployRequestJson, now: Date): string | undefined {
  const { revert_window_ends_at: end } = deployment;
  if (deployment_state !== 'complete_pending_revert' || end === null) return undefined;
  return `possible for ${wholeSeconds(Date.parse(end) - now.getTime())}`;
}

/** How long a copy will still take, and how fast it is; empty while it is not known. */
export function paceText({ rows_per_second, eta_seconds, throttled_by }: OperationJson): string {
  const parts = [
    rows_per_second > 0 ? `${rows_per_second.toLocaleString('en')} rows/s` : '',
    eta_seconds === null || eta_seconds === 0 ? '' : `${wholeSeconds(eta_seconds * 1_000)} left`,
    throttled_by === null ? '' : `held up by ${throttled_by}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** What to type next, of what the state allows. */
export function nextFields(database: string, { number, deployment }: DeployRequestJson): Field[] {
  const offered = Object.entries(verbs).filter(([action]) =>
    (deployment.allowed as readonly string[]).includes(action),
  );
  return offered.map(([, verb], index) => [
    index === 0 ? 'next' : '',
    `gatewright deploy ${verb} ${database} ${number}`,
  ]);
}

/** The commands of what is worth saying, what is done most first; what can be done in any state is not. */
const verbs: Readonly<Record<string, string>> = {
  deploy: 'start',
  'apply-deploy': 'apply',
  'skip-revert': 'skip-revert',
  revert: 'revert',
  'complete-deploy': 'complete',
  'force-cutover': 'force',
  cancel: 'cancel',
  close: 'close',
};
