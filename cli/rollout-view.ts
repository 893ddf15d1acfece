import { LiveDrawing } from './drawing';
import type { Io } from './io';
import type { RolloutView } from './rollout-follow';
import { gridLines } from './rollout-grid';
import { applyColour } from './rollout-phases';
import type { ApplyEventJson, RolloutNow } from './rollout-shapes';
import { clip, connectionText, paint, tame, words } from './text';

/** How a rollout is shown: drawn where that is possible, a line for each event, those as JSON, or not at all. */
export type How = 'text' | 'plain' | 'json' | 'silent';

/** Shows a rollout as it is wanted, on a terminal that is wide enough, or in lines. */
export function rolloutView(io: Io, name: string, how: How): RolloutView {
  if (how === 'silent') return { show: () => undefined };
  if (how === 'json') return { show: () => undefined, event: (_, raw) => io.out(`${raw}\n`) };
  const isDrawn = how === 'text' && io.terminal && (io.columns ?? COLUMNS) >= NARROW && (io.rows ?? ROWS) >= LOW;
  return isDrawn ? new DrawnView(io, name) : new LineView(io);
}

/** Columns and lines of the terminal where it does not say. */
const COLUMNS = 100;
const ROWS = 40;
/** Columns and lines below which nothing can be drawn that says anything. */
const NARROW = 40;
const LOW = 10;

/** A line for each change of a state. */
class LineView implements RolloutView {
  private blamed = '';

  constructor(private readonly io: Io) {}

  event({ at, deployment, operation_id, from, to, text }: ApplyEventJson): void {
    const who = operation_id === null ? 'rollout' : tame(deployment ?? operation_id).replaceAll('\n', ' ');
    this.line(at, `${who}  ${words(from)} -> ${paint(this.io, applyColour(to), words(to))}`, text);
  }

  show({ apply }: RolloutNow): void {
    // No event tells that the truth is not known any more.
    const blamed = apply.blamed.map(({ operation, reason }) => `${operation}: ${reason}`).join('; ');
    if (blamed !== this.blamed) {
      const text = blamed === '' ? 'determined again' : `undetermined: ${blamed}`;
      this.line(apply.updated_at, 'rollout', text);
    }
    this.blamed = blamed;
  }

  connection(up: boolean): void {
    this.io.err(`${connectionText(up)}\n`);
  }

  private line(at: string, head: string, text: string): void {
    const told = tame(text).replaceAll('\n', ' ');
    this.io.out(`${paint(this.io, 'dim', at.slice(11, 23))}  ${head}${told === '' ? '' : `  ${told}`}\n`);
  }
}

/** The whole grid. */
class DrawnView extends LiveDrawing<RolloutNow> implements RolloutView {
  constructor(
    io: Io,
    private readonly name: string,
  ) {
    super(io);
  }

  protected text(now: RolloutNow): string[] {
    const { io } = this;
    const columns = (io.columns ?? COLUMNS) - 1;
    const rows = (io.rows ?? ROWS) - 1 - (this.lost ? 1 : 0);
    const lines = gridLines({ columns, rows, colours: io.colours, now: io.now() }, this.name, now);
    if (this.lost) lines.push(paint(io, 'yellow', clip(connectionText(false), columns)));
    return lines;
  }
}
