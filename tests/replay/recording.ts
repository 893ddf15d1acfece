import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { SagaView } from '../../domain/saga';
import { historyText } from '../../worker/replay';

const directory = join(__dirname, 'histories');

/** Removes the kept histories whose names begin so. */
export function forget(...prefixes: string[]): void {
  mkdirSync(directory, { recursive: true });
  for (const file of readdirSync(directory))
    if (prefixes.some((prefix) => file.startsWith(`${prefix}-`))) rmSync(join(directory, file));
}

/** Keeps a workflow's history under a name. */
export async function keep(handle: WorkflowHandle, name: string): Promise<void> {
  const history = await handle.fetchHistory();
  const text = withoutTraces(historyText({ workflowId: handle.workflowId, history }));
  writeFileSync(join(directory, `${name}.json`), text);
  console.log(`${name}: ${history.events!.length} events`);
}

/** A run once it is over, however it ended. */
export async function ended(handle: WorkflowHandle): Promise<WorkflowHandle> {
  await handle.result().catch(() => undefined);
  return handle;
}

/** The step that is stuck, once one is. */
export async function untilStuck(handle: WorkflowHandle): Promise<string> {
  for (;;) {
    const view = await handle.query<SagaView>('saga');
    const stuck = view.steps.find((step) => step.state === 'stuck');
    if (view.state === 'needs_attention' && stuck) return stuck.name;
    await sleep(50);
  }
}

/** Without stack traces, which name paths of the machine that recorded them. */
function withoutTraces(text: string): string {
  const strip = (key: string, value: unknown): unknown => (key === 'stackTrace' ? undefined : value);
  return `${JSON.stringify(JSON.parse(text, strip), null, 2)}\n`;
}
