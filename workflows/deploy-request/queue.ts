import {
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { DeployActivities } from '../../activities/deploy/activities';
import type { QueueLife, QueueTicket } from '../../domain/deploy/contract';
import { joined, left } from '../../domain/deploy/line';
import { joinSignal, leaveSignal, placeSignal } from './messages';

/** Milliseconds between two looks whether those who wait, or have the place, are still there. */
const LOOK_MS = 60_000;

const act = proxyActivities<Pick<DeployActivities, 'gone' | 'line'>>({
  startToCloseTimeout: '10s',
  retry: { maximumInterval: '1 minute' },
});

/**
 * Who is next for one target branch of one database: first come, first served. The first of those who wait has the
 * place, and keeps it until it leaves; everybody is told who is before it. It ends when nobody is left.
 */
export async function deployQueue(life: QueueLife): Promise<void> {
  const { waiting: carried, ...queue } = life;
  let waiting: readonly QueueTicket[] = carried ?? [];
  const told = new Map<string, string>();
  /** Who left before it was known who was there. */
  const gone = new Set<string>();
  let changed = true;
  const change = (next: readonly QueueTicket[]): void => {
    waiting = next;
    changed = true;
  };
  setHandler(joinSignal, (ticket) => {
    // Whoever asks again did not hear the answer.
    told.delete(ticket.requestId);
    change(joined(waiting, ticket));
  });
  setHandler(leaveSignal, ({ requestId }) => {
    gone.add(requestId);
    change(left(waiting, requestId));
  });

  if (!carried) {
    // A queue that was lost had others in it, who came before.
    const known = (await act.line(queue)).filter(({ requestId }) => !gone.has(requestId));
    change([...known, ...waiting].reduce(joined, []));
  }

  for (;;) {
    changed = false;
    for (const [i, ticket] of waiting.entries()) {
      const preceding = waiting.slice(0, i).map(({ number }) => number);
      if (told.get(ticket.requestId) === preceding.join()) continue;
      told.set(ticket.requestId, preceding.join());
      // Whoever has the place may have made something already: it is only forgotten once that is known to be over.
      if (!(await tell(ticket, preceding)) && i > 0) change(left(waiting, ticket.requestId));
    }
    if (changed) continue;
    if (waiting.length === 0) return;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof deployQueue>({ ...life, waiting });
    if (waiting.length < 2) await condition(() => changed);
    else if (!(await condition(() => changed, LOOK_MS))) {
      for (const requestId of await act.gone({ queue, tickets: waiting })) change(left(waiting, requestId));
    }
  }
}

/** @returns false for a request whose workflow is over. */
async function tell({ workflowId }: QueueTicket, preceding: readonly number[]): Promise<boolean> {
  return await getExternalWorkflowHandle(workflowId)
    .signal(placeSignal, { preceding })
    .then(
      () => true,
      () => false,
    );
}
