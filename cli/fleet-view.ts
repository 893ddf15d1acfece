import type { JournalEntry } from '../domain/journal';
import type { GatewayNow, GatewayView } from './fleet-follow';
import type { FleetEventJson, FleetReplicaJson } from './fleet-shapes';
import type { StepNow } from './fleet-steps';
import { fleetColour, runningOf, stateOf } from './fleet-text';
import type { Io } from './io';
import { printJson } from './registration';
import { age, duration, paint, shorten, tame, words } from './text';

/** How a gateway is shown while something happens to it: drawn on a terminal or in lines; as lines of JSON; not at all. */
export function gatewayView(io: Io, name: string, how: 'text' | 'json' | 'silent'): GatewayView {
  if (how === 'silent') return { show: () => undefined };
  if (how === 'json') return { show: (_, events) => events.forEach((event) => printJson(io, event)) };
  return io.terminal ? new DrawnView(io, name) : new LineView(io, name);
}

/** Whom an event is about: the replica, else the gateway. */
export function subjectOf({ targets }: FleetEventJson): string {
  const target =
    targets.find(({ type }) => type === 'gateway-replica') ?? targets.find(({ type }) => type === 'gateway');
  return target?.name ?? '';
}

/** One line for each thing that happens. */
class LineView implements GatewayView {
  private readonly failed = new Map<string, string>();
  private width: number;

  constructor(
    private readonly io: Io,
    name: string,
  ) {
    this.width = name.length + 2;
  }

  show(_: GatewayNow, events: readonly FleetEventJson[]): void {
    for (const event of events) this.line(event.recorded_at, subjectOf(event), event.message);
  }

  entry(entry: JournalEntry, replica: string): void {
    const text = this.text(entry, replica);
    if (text !== undefined) this.line(entry.at, replica, text);
  }

  connection(up: boolean): void {
    this.io.err(connectionText(up));
  }

  private text(entry: JournalEntry, replica: string): string | undefined {
    if (entry.type === 'attempt.started' && entry.attempt === 1)
      return entry.phase === 'do' ? entry.step : `taking back ${entry.step}`;
    if (entry.type === 'run.state' && entry.state === 'needs_attention')
      return `${words(entry.state)}: gatewright run ${entry.runId}`;
    if (entry.type !== 'attempt.ended' || !entry.error || entry.outcome === 'cancelled') return undefined;
    const error = `${entry.step} failed: ${entry.error.code}  ${entry.error.message}`;
    // A machine that boots refuses often in the same words.
    if (this.failed.get(replica) === error) return undefined;
    this.failed.set(replica, error);
    return error;
  }

  private line(at: string, subject: string, text: string): void {
    this.width = Math.max(this.width, subject.length);
    const head = `${at.slice(11, 23)}  ${subject.padEnd(this.width)}  `;
    this.io.out(`${paint(this.io, 'dim', head)}${tame(text)}\n`);
  }
}

function connectionText(up: boolean): string {
  return up ? 'connected again\n' : 'the connection broke off; connecting again ...\n';
}

/** Columns of the terminal where it does not say. */
const COLUMNS = 100;

/** The gateway and its replicas, drawn anew whenever something has changed. */
class DrawnView implements GatewayView {
  private lines = 0;
  private lost = false;
  private last: GatewayNow | undefined;
  private readonly began: number;

  constructor(
    private readonly io: Io,
    private readonly name: string,
  ) {
    this.began = io.now().getTime();
  }

  show(now: GatewayNow): void {
    this.last = now;
    this.draw();
  }

  connection(up: boolean): void {
    this.lost = !up;
    if (this.last) this.draw();
  }

  private draw(): void {
    const columns = this.io.columns ?? COLUMNS;
    const lines = this.text(this.last!, columns - 1);
    // Up to where the last drawing began, and everything below it away.
    const back = this.lines === 0 ? '' : `\u001b[${this.lines}A\u001b[J`;
    this.io.out(`${back}${lines.map((line) => `${line}\n`).join('')}`);
    this.lines = lines.length;
  }

  private text({ gateway, steps }: GatewayNow, columns: number): string[] {
    const { io } = this;
    const took = duration(io.now().getTime() - this.began);
    const lost = this.lost ? [paint(io, 'yellow', 'the connection broke off; connecting again ...')] : [];
    if (!gateway) return [`${paint(io, 'bold', tame(this.name))}  deleted  ${paint(io, 'dim', took)}`, ...lost];
    const state = paint(io, fleetColour(gateway.state), stateOf(gateway));
    const head = `${paint(io, 'bold', tame(gateway.name))}  ${state}  ${runningOf(gateway)} running  ${paint(io, 'dim', took)}`;
    const names = Math.max(7, ...gateway.replicas.map(({ name }) => name.length));
    const room = columns - names - 2 - STATE - 2 - STEP - 2 - TIME - 2;
    const fitting = fit(gateway.replicas, Math.max(1, (io.rows ?? Infinity) - HEAD));
    const left = gateway.replicas.length - fitting.length;
    const rows = fitting.map((replica) => {
      const step = steps.get(replica.id);
      const now = stepText(replica, step);
      return [
        tame(replica.name).padEnd(names),
        paint(io, fleetColour(replica.state), replica.state.padEnd(STATE)),
        paint(io, step?.phase === 'undo' ? 'yellow' : undefined, shorten(now, STEP).padEnd(STEP)),
        (now === '' ? '' : age(step!.since, io.now())).padStart(TIME),
        paint(io, step?.error ? 'red' : 'dim', shorten(noteText(replica, step), Math.max(0, room))),
      ]
        .join('  ')
        .trimEnd();
    });
    const titles = `${'replica'.padEnd(names)}  ${'state'.padEnd(STATE)}  ${'step'.padEnd(STEP)}  ${'for'.padStart(TIME)}`;
    return [
      head,
      ...(rows.length > 0 ? ['', paint(io, 'dim', titles), ...rows] : []),
      ...(left > 0 ? [paint(io, 'dim', `and ${left} more`)] : []),
      ...lost,
    ];
  }
}

/** Lines beside those of replicas, at most. */
const HEAD = 6;
const STATE = 'provisioning'.length;
const STEP = 'undo configure'.length;
const TIME = '59 min'.length;

/** As many replicas as there are lines for, in their order: those that something happens to come first. */
function fit(replicas: readonly FleetReplicaJson[], lines: number): readonly FleetReplicaJson[] {
  if (replicas.length <= lines) return replicas;
  const busy = replicas.filter(({ state }) => state !== 'running');
  const calm = replicas.filter(({ state }) => state === 'running');
  const shown = new Set([...busy, ...calm].slice(0, lines));
  return replicas.filter((each) => shown.has(each));
}

/** The step that a replica's run is at; nothing once it has ended. */
function stepText({ state }: FleetReplicaJson, step: StepNow | undefined): string {
  if (!step || step.step === null || state === 'running') return '';
  return step.phase === 'undo' ? `undo ${step.step}` : step.step;
}

/** What is to be said of a replica: what went wrong, what its step printed last, else why it is as it is. */
function noteText(replica: FleetReplicaJson, step: StepNow | undefined): string {
  if (replica.state === 'running') return replica.address ?? '';
  if (step?.state === 'needs_attention') return `needs attention: gatewright run ${step.runId}`;
  if (step?.error)
    return tame(`${step.attempt} tried: ${step.error.code}  ${step.error.message}`).replaceAll('\n', ' ');
  return tame(step?.line ?? replica.status_message ?? '').replaceAll('\n', ' ');
}
