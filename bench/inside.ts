import { percentile } from './figures';
import { steps } from './kills';
import type { Stage } from './stage';

/** What one start is made of. */
export interface Inside {
  /** Events of its history in Temporal, and how many of them began a workflow task. */
  readonly events: number;
  readonly workflowTasks: number;
  readonly journalEntries: number;
  /** Milliseconds by step, p50 over the runs, from the journal: what happened between the two entries of its attempt. */
  readonly steps: Readonly<Record<string, number>>;
  /** Milliseconds from the first entry of a run to its last, p50. */
  readonly journalled: number;
}

/** Looks into runs that have succeeded. */
export async function lookInside(stage: Stage, runIds: readonly string[]): Promise<Inside> {
  const last = runIds.at(-1)!;
  const history = await stage.client.workflow.getHandle(last).fetchHistory();
  const events = history.events ?? [];
  const took = new Map<string, number[]>(steps.map((step) => [step, []]));
  const whole: number[] = [];
  let journalEntries = 0;
  for (const runId of runIds.slice(-50)) {
    const entries = await stage.store.journal.after(0, { runId, limit: 200 });
    journalEntries = entries.length;
    whole.push(Date.parse(entries.at(-1)!.at) - Date.parse(entries[0]!.at));
    for (const step of steps) {
      const times = entries.flatMap((entry) => ('step' in entry && entry.step === step ? [Date.parse(entry.at)] : []));
      took.get(step)!.push(Math.max(...times) - Math.min(...times));
    }
  }
  return {
    events: events.length,
    workflowTasks: events.filter((event) => event.workflowTaskStartedEventAttributes).length,
    journalEntries,
    steps: Object.fromEntries([...took].map(([step, ms]) => [step, percentile(ms, 50)])),
    journalled: percentile(whole, 50),
  };
}
