import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { Failure } from '../../domain/failures';
import {
  FleetWorkflow,
  gatewayWorkflowId,
  provisionRunId,
  replicaWorkflowId,
  retireRunId,
  rolloutRunId,
  type Sweep,
} from '../../domain/fleet/contract';
import type { FleetGateway, FleetReplica, ProfileRevision } from '../../domain/fleet/gateway';
import { taskQueue, type GatewayStarted } from '../../domain/gateway/contract';
import { eventually } from '../support/eventually';
import { Faults } from '../support/faults';
import { beginMove, beginStart, beginStop } from '../support/runs';
import { servingWorld } from '../fleet/support/serving';
import { testFleetPolicy, type FleetWorld } from '../fleet/support/world';
import { never, refused } from '../fleet/support/fake-hosts';
import { ended, forget, keep, untilStuck } from './recording';

/*
 * Records the histories of moves and of the lives of gateways and replicas that replay.test.ts replays, on real
 * components and machines in memory; the rules are those of record.ts.
 *
 *     node -r ./tests/support/register.js tests/replay/record-fleet.ts
 */

const moveSteps = ['reserve', 'handshake', 'dns', 'route', 'reload'];
const web: ProfileRevision = { name: 'web', revision: 1 };

async function main(): Promise<void> {
  forget('move', 'fleet');
  const faults = new Faults();
  const { world, fleet, hosts } = await servingWorld({ ...testFleetPolicy, rolloutRevertMs: 3_600_000 });
  const { workflow } = world.temporal.client;
  const kept = async (id: string, name: string): Promise<void> => await keep(workflow.getHandle(id), name);
  try {
    await fleet.startWorker([() => ({ inbound: faults })]);
    await moves();
    await provisionings();
    await rollouts();
    await drains();
    await sweep();
  } finally {
    await fleet.close();
    await hosts.close();
  }

  async function start(): Promise<GatewayStarted> {
    return (await (await beginStart(world)).result()) as GatewayStarted;
  }

  async function moves(): Promise<void> {
    const gateway = await running(fleet, 3);
    const { allocationId, organizationId } = await start();
    const move = (): Promise<WorkflowHandle> => beginMove(world, allocationId);
    await keep(await ended(await move()), 'move-succeeded');
    for (const step of moveSteps) {
      faults.arm({ step, phase: 'do', how: 'after' });
      await keep(await ended(await move()), `move-failed-at-${step}`);
      await readmitAll();
    }
    faults.arm({ step: 'farewell', phase: 'do', how: 'before' });
    const stuck = await move();
    const step = await untilStuck(stuck);
    faults.arm();
    await stuck.executeUpdate('resolve', { args: [{ step, action: 'retry', reason: 'recorded', by: 'recorder' }] });
    await keep(await ended(stuck), 'move-attention-retry-past-no-return');
    await (await beginStop(world, { allocationId, organizationId })).result();
    await gone(fleet, gateway);
    await kept(gatewayWorkflowId(gateway.id), 'fleet-gateway-made-and-deleted');
  }

  async function provisionings(): Promise<void> {
    const good = await running(fleet, 1);
    const [one] = await fleet.replicas(good);
    await kept(provisionRunId(one!.id), 'fleet-provision-succeeded');
    await gone(fleet, good);
    await kept(replicaWorkflowId(one!.id), 'fleet-replica-made-and-deleted');
    await kept(retireRunId(one!.id), 'fleet-retire-succeeded');

    fleet.cloud.faults.push({ call: 'create', when: 'before', error: new Failure('CLOUD_SPEC_REFUSED', 'no such') });
    await failing('create');
    hosts.onReach = refused;
    await failing('connect');
    hosts.onReach = async () => {};
    hosts.onConfigure = async () => await Promise.reject(new Failure('SCRIPT_FAILED', 'ended with 1'));
    await failing('configure');
    hosts.onConfigure = async () => {};
    hosts.onReach = never;
    const hanging = await fleet.create();
    const replica = await eventually(async () => {
      const [found] = await fleet.replicas(hanging);
      if (found?.connectAttempts !== 1) throw new Error('not connecting yet');
      return found;
    });
    await gone(fleet, hanging);
    hosts.onReach = async () => {};
    await kept(provisionRunId(replica.id), 'fleet-provision-cancelled');
    await kept(replicaWorkflowId(replica.id), 'fleet-replica-cancelled');
  }

  async function failing(step: string): Promise<void> {
    const gateway = await fleet.create();
    const replica = await eventually(async () => {
      const [found] = await fleet.replicas(gateway);
      if (found?.state !== 'terminated') throw new Error('not over yet');
      return found;
    }, 30_000);
    await ended(workflow.getHandle(replicaWorkflowId(replica.id)));
    await kept(provisionRunId(replica.id), `fleet-provision-failed-at-${step}`);
    await gone(fleet, gateway);
  }

  async function rollouts(): Promise<void> {
    const gateway = await running(fleet, 2);
    const run = async (number: number): Promise<WorkflowHandle> => {
      const handle = workflow.getHandle(rolloutRunId(gateway.id, number));
      await eventually(async () => await handle.describe());
      return handle;
    };
    const window = async (number: number): Promise<WorkflowHandle> => {
      const handle = await run(number);
      await eventually(async () => {
        const { steps } = await handle.query<{ steps: { name: string }[] }>('saga');
        if (!steps.some(({ name }) => name === 'window')) throw new Error('not there yet');
      });
      return handle;
    };
    await apply(fleet, gateway, web);
    const first = await window(1);
    await first.signal('skip-revert');
    await keep(await ended(first), 'fleet-rollout-succeeded');
    await apply(fleet, gateway, { ...web, revision: 2 });
    const second = await window(2);
    await second.signal('revert');
    await keep(await ended(second), 'fleet-rollout-reverted');
    const [, other] = await fleet.live(gateway);
    hosts.onGive = async ({ revision }, serves) =>
      revision === 3 && serves === other!.serves
        ? await Promise.reject(new Failure('SCRIPT_FAILED', 'ended with 1'))
        : undefined;
    await apply(fleet, gateway, { ...web, revision: 3 });
    await keep(await ended(await run(3)), 'fleet-rollout-failed');
    hosts.onGive = async () => {};
    await apply(fleet, gateway, { ...web, revision: 4 });
    const overtaken = await window(4);
    await apply(fleet, gateway, { ...web, revision: 5 });
    await keep(await ended(overtaken), 'fleet-rollout-overtaken');
    const last = await window(5);
    await gone(fleet, gateway);
    await keep(await ended(last), 'fleet-rollout-deleted');
    await kept(gatewayWorkflowId(gateway.id), 'fleet-gateway-rolled-out');
  }

  async function drains(): Promise<void> {
    const gateway = await running(fleet, 1);
    const started = await start();
    const ill = (await fleet.live(gateway))[0]!;
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    fleet.cloud.before = async (call) => (call === 'create' ? await opened : undefined);
    await hosts.kill(ill.serves!);
    await eventually(async () => {
      if (!(await fleet.messages(gateway)).some((text) => text.includes('cannot be moved'))) throw new Error('not yet');
    }, 30_000);
    open();
    fleet.cloud.before = async () => {};
    await ended(workflow.getHandle(replicaWorkflowId(ill.id)));
    await kept(retireRunId(ill.id), 'fleet-retire-moved');
    await kept(replicaWorkflowId(ill.id), 'fleet-replica-ill');
    await (await beginStop(world, started)).result();
    await gone(fleet, gateway);
    await kept(gatewayWorkflowId(gateway.id), 'fleet-gateway-replica-replaced');
  }

  async function sweep(): Promise<void> {
    const gateway = await running(fleet, 2);
    const [lost] = await fleet.live(gateway);
    fleet.cloud.machines.delete(lost!.instanceId!);
    const input: Sweep = { dryRun: false, policy: fleet.settings.policy, fleet: fleet.policy };
    const handle = await workflow.start(FleetWorkflow.sweep, {
      workflowId: 'sweep-recorded',
      taskQueue,
      args: [input],
    });
    await keep(await ended(handle), 'fleet-sweep');
    await gone(fleet, gateway);
  }

  async function readmitAll(): Promise<void> {
    for (const { id, quarantinedAt, allocationId } of await world.store.pool.replicas())
      if (quarantinedAt && !allocationId) await world.store.pool.readmit(id);
    faults.arm();
  }
}

async function running(fleet: FleetWorld, replicas: number): Promise<FleetGateway> {
  const gateway = await fleet.create({ replicas });
  return await eventually(async () => {
    const present = await fleet.gateway(gateway);
    if (present?.state !== 'running') throw new Error(`it is ${present?.state}`);
    return present;
  }, 30_000);
}

async function gone(fleet: FleetWorld, gateway: FleetGateway): Promise<void> {
  const replicas: FleetReplica[] = await fleet.live(gateway);
  await fleet.remove(gateway);
  await ended(fleet.temporal.client.workflow.getHandle(gatewayWorkflowId(gateway.id)));
  for (const { id } of replicas) await ended(fleet.temporal.client.workflow.getHandle(replicaWorkflowId(id)));
  await sleep(50);
}

async function apply(fleet: FleetWorld, gateway: FleetGateway, profile: ProfileRevision): Promise<void> {
  const { configuration } = (await fleet.gateway(gateway))!;
  const change = { configuration: { ...configuration, profile: profile.name }, profile };
  await fleet.store.fleet.gateways.update(fleet.organizationId, gateway.id, change, { actor: null });
  await fleet.tell(gateway.id);
}

void main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
