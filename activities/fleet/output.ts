import type { NewJournalEntry, StepOutput } from '../../domain/journal';
import type { Store } from '../../prisma/store';

/** Milliseconds that lines are gathered for one entry. */
const GATHER_MS = 300;
/** Lines of one entry. */
const MAX_LINES = 200;

/** Whose output it is. */
export type OutputOf = Pick<StepOutput, 'runId' | 'organizationId' | 'kind' | 'step'>;

/** Does work whose output goes into its run's events, and waits until that is kept, however the work ends. */
export async function withOutput(
  journal: Pick<Store['journal'], 'append'>,
  of: OutputOf,
  work: (line: (text: string) => void) => Promise<void>,
): Promise<void> {
  const output = new StepOutputLog(of, (entry) => journal.append(entry));
  try {
    await work(output.line);
  } finally {
    await output.end();
  }
}

/**
 * Puts what a step prints into its run's events while it prints it: a few entries of many lines rather than one for
 * each. Output that cannot be kept is let go of: it is what the step does that counts.
 */
export class StepOutputLog {
  private lines: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly of: OutputOf,
    private readonly append: (entry: NewJournalEntry) => Promise<unknown>,
  ) {}

  /** Takes one line, clean and of bounded length. */
  readonly line = (text: string): void => {
    this.lines.push(text);
    if (this.lines.length >= MAX_LINES) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), GATHER_MS);
  };

  /** Writes what is left, and waits until everything is written or let go of. */
  async end(): Promise<void> {
    this.flush();
    await this.writing;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const lines = this.lines;
    if (lines.length === 0) return;
    this.lines = [];
    const entry: NewJournalEntry = { ...this.of, type: 'step.output', at: new Date().toISOString(), lines };
    this.writing = this.writing.then(() => this.append(entry)).catch(() => undefined);
  }
}
