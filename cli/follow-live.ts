import type { RunDetail, StepDetail } from '../domain/run-detail';
import { isTerminal } from '../domain/saga';
import type { Follower } from './follow';
import type { Io } from './io';
import { count, duration, shorten } from './text';

/** What a task of the live view has come to. */
type Verdict = { readonly done: string } | { readonly failed: string } | { readonly left: string };

/** Columns that the marks of the live view take. */
const MARK = 2;

/** Draws a run on a terminal while it goes on: its steps, and below them what is taken back. */
export async function liveFollower(io: Io, steps: readonly string[]): Promise<Follower> {
  const { Listr } = await import('listr2');
  const board = new Board();
  const width = Math.max(4, ...steps.map((name) => name.length));
  const line = (name: string, text: string): string =>
    shorten(`${name.padEnd(width)}   ${text}`, (io.columns ?? 100) - MARK - 1).trimEnd();
  const options = {
    concurrent: false,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { collapseErrors: false, collapseSkips: false, formatOutput: 'wrap', clearOutput: false },
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
            const { error, attempts } = step[phase];
            if (error) task.output = `${error.code}  ${error.message} (${count(attempts.length, 'attempt')})`;
            return look(step, present);
          });
          if ('failed' in verdict) throw new Error(verdict.failed);
          if ('left' in verdict) task.skip(line(name, verdict.left));
          else task.title = line(name, verdict.done);
        },
      })),
      options,
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
  if (phase.state === 'running' && !closed) return undefined;
  if (!over) return undefined;
  if (phase.state === 'pending') return { left: 'not begun' };
  return phase.error ? { failed: `${phase.error.code}  ${phase.error.message}` } : { left: phase.state };
}

function undoVerdict(step: StepDetail, board: Board): Verdict | undefined {
  const { undo, undoKind, undoText } = step;
  if (undo.state === 'succeeded') return { done: took(undo) };
  if (undoKind !== null && undoKind !== 'undo') return { left: undoText ?? 'nothing to undo' };
  const { detail, closed } = board;
  const over = closed || isTerminal(detail!.state) || detail!.state === 'needs_attention' || board.passed(step.name);
  if (!over || undo.state === 'running') return closed ? { left: undo.state } : undefined;
  if (undo.state === 'pending') return { left: 'nothing was done' };
  return { failed: undo.error ? `${undo.error.code}  ${undo.error.message}` : undo.state };
}

function took({ startedAt, endedAt, attempts }: StepDetail['do']): string {
  const time = startedAt === null || endedAt === null ? '' : duration(Date.parse(endedAt) - Date.parse(startedAt));
  return attempts.length > 1 ? `${time}, ${count(attempts.length, 'attempt')}` : time;
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

  /** Whether the rollback has come to a step before this one. */
  passed(name: string): boolean {
    const steps = this.detail?.steps ?? [];
    const index = steps.findIndex((step) => step.name === name);
    return steps.slice(0, index).some((step) => step.undo.state !== 'pending');
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
