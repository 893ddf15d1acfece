import { activityInfo } from '@temporalio/activity';
import { FleetWorkflow } from '../../domain/fleet/contract';
import { drainText } from '../../domain/fleet/drain-messages';
import type { FleetActivities } from './activities';
import type { FleetPorts } from './ports';
import { pause } from './waiting';

/** Milliseconds between two looks at a replica whose organization has no gateway that works until it is moved. */
const SOON_MS = 500;

/** Emptying a replica that is to go: its organization leaves it by itself, or is moved. */
export function drainSteps({ store }: FleetPorts): Pick<FleetActivities, 'awaitFree' | 'noteHolder'> {
  const { pool, fleet } = store;
  return {
    async awaitFree({ organizationId, replicaId, since, blocked, fleet: { drainMs, heldLookMs } }) {
      for (;;) {
        const held = await pool.replica(replicaId);
        if (!held || held.allocationId === null) return null;
        const answers = (await fleet.replicas.get(organizationId, replicaId))?.healthFailures === 0;
        // A move holds a replica for a moment; it is not moved itself.
        const allocation = await pool.allocation(held.allocationId);
        if (allocation) {
          const { id: allocationId, organizationId: holder, epoch, state } = allocation;
          const free = blocked ? state === 'live' && (await pool.hasFree()) : true;
          const due = blocked || !answers || Date.now() - since >= drainMs;
          if (due && free) return { organizationId: holder, allocationId, from: { replicaId, epoch } };
        }
        await pause(answers ? heldLookMs : Math.min(SOON_MS, heldLookMs));
      }
    },

    async noteHolder({ holder, became, ...ref }) {
      const { organizationId } = ref;
      const { allocationId } = holder;
      const message =
        'movedTo' in became
          ? drainText.moved(allocationId, await nameOf(became.movedTo), became.run)
          : drainText.stays(allocationId, became.stays.message, became.run);
      await store.journal.append({
        ...{ type: 'step.output', at: new Date().toISOString(), organizationId, kind: FleetWorkflow.retire },
        ...{ runId: activityInfo().workflowExecution!.workflowId, step: 'drain', lines: [message] },
      });
      await fleet.events.add({ ...ref, message, actor: null });
    },
  };

  async function nameOf(replicaId: string): Promise<string> {
    return (await pool.replica(replicaId))?.name ?? replicaId;
  }
}
