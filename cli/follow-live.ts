import type { RunDetail, StepDetail } from '../domain/run-detail';
import { isTerminal } from '../domain/saga';
import type { Follower } from './follow';
import type { Io } from './io';
import { triesOf } from './run-text';
import { count, duration, paint, shorten } from './text';

/** What a task of the live view has come to. */
type Verdict = { readonly done: string } | { readonly failed: string } | { readonly left: string };

/** Columns that the live view takes beside its lines: a mark, and what listr2 keeps free. */
const MARK = 6;

/** Draws a run on a terminal while it goes on: its steps, and below them what is taken back. */
export async function liveFollower(io: Io, steps: readonly string[]): Promise<Follower> {
  const { Listr, ListrDefaultRendererLogLevels } = await import('listr2');
  const board = new Board();
  const width = Math.max(4, ...steps.map((name) => name.length));
  const line = (name: string, text: string): string =>
    shorten(`${name.padEnd(width)}   ${text}`, (io.columns ?? 100) - MARK).trimEnd();
  const { SKIPPED_WITH_COLLAPSE: skipped } = ListrDefaultRendererLogLevels;
  const rendererOptions = {
    collapseErrors: false,
    icon: { [skipped]: '·' },
    // What was left alone is no warning.
    color: { [skipped]: (text?: string) => paint(io, 'dim', text ?? '') },
  } as const;

  const list = (
    names: readonly string[],
    look: (step: StepDetail, board: Board) => Verdict | undefined,
    phase: 'do' | 'undo',
  ) =>
    new Listr(
      names.map((name) => ({
        title: line(name, ''),
        task: async (_: unknown, task: { title: string; output: string; skip(text: string): void }) => {
          const verdict = await board.until((present) => {
            const step = present.step(name);
            if (!step) return present.closed ? { left: 'not begun' } : undefined;
            const text = phase === 'do' ? (step.does ?? '') : (step.undoText ?? '');
            if (step[phase].state !== 'pending') task.title = line(name, text);
            const { error } = step[phase];
            if (error) task.output = `${error.code}  ${error.message} (${count(triesOf(step[phase]), 'attempt')})`;
            return look(step, present);
          });
          if ('failed' in verdict) throw new Error(verdict.failed);
          if ('left' in verdict) task.skip(line(name, verdict.left));
          else task.title = line(name, verdict.done);
        },
      })),
      // Undos that are stuck hold up no other; they may succeed as long as the run is followed.
      { concurrent: phase === 'undo', exitOnError: false, registerSignalListeners: false, rendererOptions },
    );

  const drawing = (async () => {
    await list(steps, doVerdict, 'do').run();
    const turned = await board.until(({ detail, closed }) =>
      detail && detail.state !== 'running' ? detail.state : closed ? 'running' : undefined,
    );
    if (turned === 'running' || turned === 'succeeded') return;
    io.out('\ntaking it back\n');
    await list(
      [...steps].reverse().filter((name) => board.began(name)),
      undoVerdict,
      'undo',
    ).run();
  })();
  // Its failure is told by `close`.
  drawing.catch(() => undefined);
  return {
    entry: (_, detail) => board.update(detail),
    async close() {
      board.close();
      await drawing;
    },
  };
}

function doVerdict({ do: phase }: StepDetail, { detail, closed }: Board): Verdict | undefined {
  if (phase.state === 'succeeded') return { done: took(phase) };
  const over = closed || detail!.state !== 'running';
  if (!over || (phase.state === 'running' && !closed)) return undefined;
  if (phase.state === 'pending') return { left: 'not begun' };
  return phase.error ? { failed: `${phase.error.code}  ${phase.error.message}` } : { left: phase.state };
}

function undoVerdict(step: StepDetail, { detail, closed }: Board): Verdict | undefined {
  const { undo, undoKind, undoText, stuckBecause } = step;
  if (undo.state === 'succeeded') return { done: took(undo) };
  if (undoKind !== null && undoKind !== 'undo') return { left: undoText ?? 'nothing to undo' };
  if (!closed && !isTerminal(detail!.state)) return undefined;
  if (undo.state === 'pending') return { left: 'nothing was done' };
  const error = stuckBecause ?? undo.error;
  return { failed: error ? `${error.code}  ${error.message}` : undo.state };
}

function took(phase: StepDetail['do']): string {
  const { startedAt, endedAt } = phase;
  const time = startedAt === null || endedAt === null ? '' : duration(Date.parse(endedAt) - Date.parse(startedAt));
  const tries = triesOf(phase);
  return tries > 1 ? `${time}, ${count(tries, 'attempt')}` : time;
}

/** What is known of the run; tasks wait here for what concerns them. */
class Board {
  detail: RunDetail | undefined;
  closed = false;
  private readonly looks = new Set<() => void>();

  update(detail: RunDetail): void {
    this.detail = detail;
    for (const look of [...this.looks]) look();
  }

  close(): void {
    this.closed = true;
    for (const look of [...this.looks]) look();
  }

  step(name: string): StepDetail | undefined {
    return this.detail?.steps.find((step) => step.name === name);
  }

  /** Whether there may be something to take back of a step. */
  began(name: string): boolean {
    return this.step(name)?.do.state !== 'pending';
  }

  async until<T>(look: (board: Board) => T | undefined): Promise<T> {
    return await new Promise((resolve) => {
      const attempt = (): void => {
        const found = look(this);
        if (found === undefined) return;
        this.looks.delete(attempt);
        resolve(found);
      };
      this.looks.add(attempt);
      attempt();
    });
  }
}
