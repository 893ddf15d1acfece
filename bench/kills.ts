import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '../domain/journal';
import { isTerminal } from '../domain/saga';
import { PauseFile } from './pause-file';
import type { Stage } from './stage';

/** How a run went on after one component was killed; seconds. */
export interface Killed {
  readonly step: string;
  /** From the kill until the component was up again. */
  readonly up: number;
  /** From the kill until the step ran again; undefined when it had not to. */
  readonly again: number | undefined;
  /** From the kill until the run was done. */
  readonly done: number;
  /** How often each attempt of a step was begun, in the order of the steps. */
  readonly runs: readonly number[];
  readonly state: string;
}

/** Kills a component with SIGKILL while a start is held in the middle of a step, which has had its effect. */
export async function killIn(stage: Stage, component: 'worker' | 'temporal', step: string): Promise<Killed> {
  const { environment, store } = stage;
  await stage.clear();
  const pause = new PauseFile(environment.settingsFile);
  pause.set(step);
  const headers = { prefer: 'respond-async' };
  const { body } = await stage.call('/gateway/start', { organization_id: randomUUID() }, headers);
  const runId = String(body['run_id']);
  await until(`the run to be held at ${step}`, () => pause.wasReached);
  const { pid } = environment.component(component);
  const at = Date.now();
  await environment.kill9(component);
  pause.clear();
  await until(
    `${component} to be up again`,
    () => environment.supervisor.isRunning(component) && environment.component(component).pid !== pid,
  );
  const up = Date.now();
  await until('the run to end', async () => {
    const run = await store.journal.run(runId);
    return run !== null && isTerminal(run.state);
  });
  const run = (await store.journal.run(runId))!;
  const entries = await store.journal.after(0, { runId, limit: 1_000 });
  const seconds = (time: number): number => (time - at) / 1000;
  const begun = entries.filter((entry) => entry.type === 'attempt.started');
  const again = begun.find((entry) => entry.step === step && Date.parse(entry.at) > at);
  return {
    ...{ step, up: seconds(up), done: seconds(run.endedAt!.getTime()), state: run.state },
    again: again && seconds(Date.parse(again.at)),
    runs: steps.map((name) => begun.filter((entry) => isDo(entry, name)).length),
  };
}

/** The steps of a start. */
export const steps = ['allocate', 'dns', 'route', 'reload', 'handshake'] as const;

function isDo(entry: JournalEntry & { type: 'attempt.started' }, step: string): boolean {
  return entry.step === step && entry.phase === 'do';
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}
