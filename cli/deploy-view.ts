import type { DeployRequestJson, OperationJson } from './deploy-shapes';
import { deployColour, errorText, operationColour, paceText, stateLine, windowText } from './deploy-text';
import { LiveDrawing } from './drawing';
import type { Io } from './io';
import { printJson } from './registration';
import { clip, connectionText, paint, tame, wholeSeconds, words } from './text';

/** Shows a deploy request while something happens to it. */
export interface RequestView {
  show(request: DeployRequestJson): void;
  connection(up: boolean): void;
  close(): void;
}

/** How a request is shown: drawn on a terminal that is wide enough, or in lines; as lines of JSON; not at all. */
export function requestView(io: Io, database: string, how: 'text' | 'json' | 'silent'): RequestView {
  if (how === 'silent') return silent;
  if (how === 'json') return { ...silent, show: (request) => printJson(io, request) };
  const isWide = io.terminal && (io.columns ?? COLUMNS) >= NARROW;
  return isWide ? new DrawnView(io, database) : new LineView(io);
}

const silent: RequestView = { show: () => undefined, connection: () => undefined, close: () => undefined };

/** Columns of the terminal where it does not say. */
const COLUMNS = 100;
/** Columns below which lines would be broken, and drawing over them go wrong. */
const NARROW = 60;
/** Percent between two lines about one table. */
const STRIDE = 10;

/** A line for each change of a state, and for every {@link STRIDE} percent of a table. */
class LineView implements RequestView {
  private state = '';
  private error: string | undefined;
  private throttle = '';
  /** By {@link placeOf}. */
  private readonly tables = new Map<string, string>();

  constructor(private readonly io: Io) {}

  show(request: DeployRequestJson): void {
    const { deployment, deployment_state: state } = request;
    const { deploy_operations: operations, preceding_deployments: preceding } = deployment;
    const error = errorText(request);
    const behind = preceding.map((each) => ` #${each.deploy_request_number}`).join(',');
    const standing = `${stateLine(state, deployment.state_message)}${behind && `, behind${behind}`}`;
    if (standing !== this.state) this.line(standing);
    if (this.throttle !== '' && deployment.throttle !== this.throttle) this.line(`throttle: ${deployment.throttle}`);
    for (const operation of operations) this.operation(operation);
    if (error !== undefined && error !== this.error) this.line(error);
    [this.state, this.error, this.throttle] = [standing, error, deployment.throttle];
  }

  connection(up: boolean): void {
    this.io.err(`${connectionText(up)}\n`);
  }

  close(): void {
    // Every line is whole.
  }

  private operation(operation: OperationJson): void {
    const { operation_name, state, progress_percentage: percent, deploy_errors } = operation;
    const place = placeOf(operation);
    const step = `${state} ${Math.floor(percent / STRIDE)}`;
    const before = this.tables.get(place);
    this.tables.set(place, step);
    if (before === step || (before === undefined && state === 'pending')) return;
    const pace = state === 'in_progress' ? paceText(operation) : '';
    const progress = state === 'in_progress' ? `${percent} %` : words(state);
    this.line(
      [`${operation_name} ${place}`, progress, pace, deploy_errors ?? ''].filter((part) => part !== '').join('  '),
    );
  }

  private line(text: string): void {
    const at = this.io.now().toISOString().slice(11, 23);
    this.io.out(`${paint(this.io, 'dim', at)}  ${tame(text).replaceAll('\n', ' ')}\n`);
  }
}

/** A table, and where it is if there are several deployments. */
function placeOf({ shard, table_name: table }: OperationJson): string {
  return shard === undefined ? table : `${shard} ${table}`;
}

/** The request and its tables. */
class DrawnView extends LiveDrawing<DeployRequestJson> implements RequestView {
  private readonly began: number;

  constructor(
    io: Io,
    private readonly database: string,
  ) {
    super(io);
    this.began = io.now().getTime();
  }

  protected text(request: DeployRequestJson): string[] {
    const { io } = this;
    const columns = (io.columns ?? COLUMNS) - 1;
    const { deployment, deployment_state: state } = request;
    const line = (text: string, colour?: Parameters<typeof paint>[1]): string =>
      paint(io, colour, clip(tame(text).replaceAll('\n', ' '), columns));
    const preceding = deployment.preceding_deployments.map((each) => `#${each.deploy_request_number}`).join(', ');
    const revert = windowText(request, io.now());
    const error = errorText(request);
    const took = wholeSeconds(Math.floor((io.now().getTime() - this.began) / 1_000) * 1_000);
    const operations = fit(deployment.deploy_operations, Math.max(1, (io.rows ?? Infinity) - BESIDE_ROWS));
    const hidden = deployment.deploy_operations.length - operations.length;
    const width = Math.min(
      Math.max(5, ...operations.map((each) => placeOf(each).length)),
      Math.max(5, columns - BESIDE_TABLE),
    );
    return [
      line(`${this.database} #${request.number}  ${request.branch} into ${request.into_branch}  ${took}`, 'bold'),
      line(stateLine(state, deployment.state_message), deployColour(state)),
      ...(preceding ? [line(`behind ${preceding}`)] : []),
      ...(revert === undefined ? [] : [line(`a revert is ${revert}`, 'yellow')]),
      ...(deployment.throttle_ratio === 0 ? [] : [line(`throttle: ${deployment.throttle}`, 'dim')]),
      ...operations.map((operation) => this.row(operation, width, columns)),
      ...(hidden > 0 ? [line(`and ${hidden} more`, 'dim')] : []),
      ...(error === undefined ? [] : [line(error, 'red')]),
      ...(this.lost ? [line(connectionText(false), 'yellow')] : []),
    ];
  }

  private row(operation: OperationJson, width: number, columns: number): string {
    const { io } = this;
    const { operation_name, state, progress_percentage: percent, deploy_errors } = operation;
    const name = clip(tame(placeOf(operation)), width).padEnd(width);
    const told = state === 'in_progress' ? paceText(operation) : (deploy_errors ?? words(state));
    const bar = barOf(state === 'complete' ? 100 : percent);
    const head = `${operation_name.padEnd(6)} ${name} `;
    const colour = operationColour(operation);
    const tail = ` ${String(state === 'complete' ? 100 : percent).padStart(3)} %  `;
    const room = columns - head.length - BAR - tail.length;
    return `${head}${paint(io, colour, bar)}${tail}${paint(io, colour ?? 'dim', clip(tame(told).replaceAll('\n', ' '), room))}`;
  }
}

/** Lines beside those of tables, at most. */
const BESIDE_ROWS = 8;
/** Columns of a bar. */
const BAR = 20;
/** Columns of a table's line beside its name. */
const BESIDE_TABLE = 'ALTER  '.length + BAR + ' 100 %  '.length + '120,000 rows/s'.length;

function barOf(percent: number): string {
  const full = Math.min(BAR, Math.floor((percent / 100) * BAR));
  return '█'.repeat(full) + '░'.repeat(BAR - full);
}

/** As many tables as there are lines for, in their order: those that something happens to come first. */
function fit(operations: readonly OperationJson[], lines: number): readonly OperationJson[] {
  if (operations.length <= lines) return operations;
  const isBusy = ({ state }: OperationJson): boolean => state === 'in_progress' || state === 'error';
  const first = [...operations.filter(isBusy), ...operations.filter((each) => !isBusy(each))];
  const shown = new Set(first.slice(0, lines));
  return operations.filter((each) => shown.has(each));
}
