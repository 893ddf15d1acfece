import type { JournalEntry } from '../domain/journal';
import type { GatewayNow, GatewayView } from './fleet-follow';
import type { FleetEventJson, FleetGatewayJson, FleetReplicaJson } from './fleet-shapes';
import type { StepNow } from './fleet-steps';
import { fleetColour, runningOf, stateOf } from './fleet-text';
import { Drawing } from './drawing';
import type { Io } from './io';
import { printJson } from './registration';
import { age, clip, connectionText, duration, paint, tame, words } from './text';

/**
 * How a gateway is shown while something happens to it: drawn on a terminal that is wide enough, or in lines; as lines of
 * JSON; not at all. `timed` says for how long it goes on.
 */
export function gatewayView(
  io: Io,
  name: string,
  how: 'text' | 'json' | 'silent',
  { timed = true }: { readonly timed?: boolean } = {},
): GatewayView {
  if (how === 'silent') return { show: () => undefined };
  if (how === 'json') return { show: (_, events) => events.forEach((event) => printJson(io, event)) };
  return io.terminal && (io.columns ?? COLUMNS) >= NARROW ? new DrawnView(io, name, timed) : new LineView(io, name);
}

/** Whom an event is about: the replica, else the gateway. */
export function subjectOf({ targets }: FleetEventJson): string {
  const target =
    targets.find(({ type }) => type === 'gateway-replica') ?? targets.find(({ type }) => type === 'gateway');
  return target?.name ?? '';
}

/** Why a gateway keeps more replicas than it wants, and what to do; undefined where it does not, or not for long. */
export function heldText({ name, replicas, desired_replicas: wanted }: FleetGatewayJson): string | undefined {
  if (replicas.length <= wanted || replicas.some(({ state, scale_in }) => state !== 'running' || scale_in))
    return undefined;
  return `Organizations hold what is to go, so it stays. Or: gatewright gateway scale ${name} ${wanted} --force`;
}

/** Looks after which something is said that may pass by itself. */
const PATIENCE = 3;

/** One line for each thing that happens. */
class LineView implements GatewayView {
  private readonly failed = new Map<string, string>();
  private readonly step = new Map<string, string>();
  private held = 0;
  private width: number;

  constructor(
    private readonly io: Io,
    name: string,
  ) {
    this.width = name.length + 2;
  }

  show({ gateway }: GatewayNow, events: readonly FleetEventJson[]): void {
    for (const event of events) this.line(event.recorded_at, subjectOf(event), event.message);
    const held = gateway && heldText(gateway);
    if (held && ++this.held === PATIENCE) this.line(this.io.now().toISOString(), gateway.name, held);
  }

  entry(entry: JournalEntry, replica: string): void {
    const text = this.text(entry, replica);
    if (text !== undefined) this.line(entry.at, replica, text);
  }

  connection(up: boolean): void {
    this.io.err(`${connectionText(up)}\n`);
  }

  private text(entry: JournalEntry, replica: string): string | undefined {
    if (entry.type === 'attempt.started' && entry.attempt === 1) {
      const step = entry.phase === 'do' ? entry.step : `taking back ${entry.step}`;
      // A step may consist of several activities.
      if (this.step.get(replica) === step) return undefined;
      this.step.set(replica, step);
      return step;
    }
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
    const head = `${at.slice(11, 23)}  ${tame(subject).padEnd(this.width)}  `;
    // What a script printed may be part of why it failed.
    const lines = tame(text).replaceAll('\n', `\n${' '.repeat(head.length)}| `);
    this.io.out(`${paint(this.io, 'dim', head)}${lines}\n`);
  }
}

/** Columns of the terminal where it does not say. */
const COLUMNS = 100;
/** Columns below which lines would be broken, and drawing over them go wrong. */
const NARROW = 76;

/** The gateway and its replicas, drawn anew whenever something has changed. */
class DrawnView implements GatewayView {
  private readonly drawing: Drawing;
  private lost = false;
  private held = 0;
  private last: GatewayNow | undefined;
  private readonly began: number;

  constructor(
    private readonly io: Io,
    private readonly name: string,
    private readonly timed: boolean,
  ) {
    this.drawing = new Drawing(io);
    this.began = io.now().getTime();
  }

  show(now: GatewayNow): void {
    this.last = now;
    this.held = now.gateway && heldText(now.gateway) ? this.held + 1 : 0;
    this.draw();
  }

  connection(up: boolean): void {
    this.lost = !up;
    if (this.last) this.draw();
  }

  private draw(): void {
    this.drawing.draw(this.text(this.last!, (this.io.columns ?? COLUMNS) - 1));
  }

  private text({ gateway, steps }: GatewayNow, columns: number): string[] {
    const { io } = this;
    const took = this.timed ? paint(io, 'dim', `  ${duration(io.now().getTime() - this.began)}`) : '';
    const name = paint(io, 'bold', clip(tame(this.name), columns - BESIDE_NAME));
    const lost = this.lost ? [paint(io, 'yellow', connectionText(false))] : [];
    if (!gateway) return [`${name}  deleted${took}`, ...lost];
    const state = paint(io, fleetColour(gateway.state), stateOf(gateway));
    const head = `${name}  ${state}  ${runningOf(gateway)} replicas run${took}`;
    const fitting = fit(gateway.replicas, Math.max(1, (io.rows ?? Infinity) - BESIDE_ROWS));
    const left = gateway.replicas.length - fitting.length;
    const longest = Math.max(7, ...fitting.map((replica) => replica.name.length));
    const width = Math.min(longest, columns - BESIDE_REPLICA);
    const titles = `${'replica'.padEnd(width)}  ${'state'.padEnd(STATE)}  ${'step'.padEnd(STEP)}  ${'for'.padStart(TIME)}`;
    return [
      head,
      ...(fitting.length > 0 ? ['', paint(io, 'dim', titles)] : []),
      ...fitting.map((replica) => this.row(replica, steps.get(replica.id), width, columns)),
      ...(left > 0 ? [paint(io, 'dim', `and ${left} more`)] : []),
      ...(this.held >= PATIENCE ? [paint(io, 'yellow', clip(heldText(gateway)!, columns))] : []),
      ...lost,
    ];
  }

  private row(replica: FleetReplicaJson, step: StepNow | undefined, width: number, columns: number): string {
    const { io } = this;
    const now = stepText(replica, step);
    const room = columns - width - BESIDE_REPLICA;
    return [
      ending(tame(replica.name), width).padEnd(width),
      paint(io, fleetColour(replica.state), replica.state.padEnd(STATE)),
      paint(io, step?.phase === 'undo' ? 'yellow' : undefined, clip(now, STEP).padEnd(STEP)),
      (now === '' ? '' : age(step!.since, io.now())).padStart(TIME),
      paint(io, step?.error ? 'red' : 'dim', clip(noteText(replica, step), room)),
    ]
      .join('  ')
      .trimEnd();
  }
}

/** The end of a text that is too long: a replica's number stands there. */
function ending(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(1 - width)}`;
}

/** Lines beside those of replicas, at most. */
const BESIDE_ROWS = 7;
/** Columns beside the name in the first line, at most. */
const BESIDE_NAME = '  provisioning, being deleted  100 of 100 replicas run  59 min 59 s'.length;
const STATE = 'provisioning'.length;
const STEP = 'undo configure'.length;
const TIME = '59 min'.length;
/** Columns of a replica's line beside its name and what is said of it. */
const BESIDE_REPLICA = STATE + STEP + TIME + 4 * 2;

/** As many replicas as there are lines for, in their order: those that something happens to come first. */
function fit(replicas: readonly FleetReplicaJson[], lines: number): readonly FleetReplicaJson[] {
  if (replicas.length <= lines) return replicas;
  const busy = replicas.filter((each) => !isCalm(each));
  const calm = replicas.filter(isCalm);
  const shown = new Set([...busy, ...calm].slice(0, lines));
  return replicas.filter((each) => shown.has(each));
}

/** The step that a replica's run is at; nothing once it has ended. */
function stepText(replica: FleetReplicaJson, step: StepNow | undefined): string {
  if (!step || step.step === null || isCalm(replica)) return '';
  return step.phase === 'undo' ? `undo ${step.step}` : step.step;
}

/** Whether nothing happens to a replica but that it serves. */
function isCalm({ state, rollout }: FleetReplicaJson): boolean {
  return state === 'running' && rollout === null;
}

/** What is to be said of a replica: what went wrong, what its step printed last, else why it is as it is. */
function noteText(replica: FleetReplicaJson, step: StepNow | undefined): string {
  if (isCalm(replica)) return replica.address ?? '';
  if (step?.state === 'needs_attention') return `needs attention: gatewright run ${step.runId}`;
  if (step?.error)
    return tame(`${step.attempt} tried: ${step.error.code}  ${step.error.message}`).replaceAll('\n', ' ');
  return tame(step?.line ?? replica.status_message ?? '').replaceAll('\n', ' ');
}
