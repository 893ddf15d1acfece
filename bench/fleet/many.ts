import { gatewayWorkflowId, provisionRunId, replicaWorkflowId } from '../../domain/fleet/contract';
import { Made, type CrashCloud } from '../../tests/faults/fleet/cloud';
import { CrashRig, type Subject } from '../../tests/faults/fleet/rig';
import { Relay } from '../../tests/faults/fleet/relay';
import { atLeast, atMost, short, type Row } from '../figures';
import { CpuMeter, memoryMb } from '../processes';
import { takeDown, until, untilRunning } from './plain';

type Say = (text: string) => void;

/** How much is measured. */
export interface ManyPlan {
  readonly gateways: number;
  /** Of each gateway. */
  readonly replicas: number;
  /** Events that a gateway's workflow lives through. */
  readonly events: number;
}

/** Many replicas on a cloud that takes its time, and a gateway that lives for long. */
export async function benchFleetMany(plan: ManyPlan, say: Say): Promise<Row[]> {
  const rig = await CrashRig.start(inTheWorker, { maxReplicas: plan.replicas });
  try {
    await rig.startWorker('bench/fleet/fake-worker');
    say('warming up');
    const first = await rig.declare(undefined, { profile: null });
    await untilRunning(rig, first, performance.now());
    say(`${plan.gateways * plan.replicas} replicas`);
    const rows = [await manyReplicas(rig, plan)];
    say(`a gateway of ${plan.events} events`);
    rows.push(await longLife(rig, first, plan.events));
    return rows;
  } finally {
    await rig.close();
  }
}

async function manyReplicas(rig: CrashRig, { gateways, replicas }: ManyPlan): Promise<Row> {
  const count = gateways * replicas;
  const before = memoryMb(rig.workerPid!);
  const meter = new CpuMeter(() => ({ worker: rig.workerPid!, Temporal: rig.temporal.component.pid }));
  const began = performance.now();
  const what = { profile: null, replicas };
  const subjects = await meter.during(async () => {
    const declared = await Promise.all(Array.from({ length: gateways }, () => rig.declare(undefined, what)));
    // Looked at seldom: there is little enough CPU for those who work.
    for (const subject of declared) await untilRunning(rig, subject, began, 200);
    return declared;
  });
  const seconds = (performance.now() - began) / 1000;
  const after = memoryMb(rig.workerPid!);
  const [replica] = await rig.replicas(subjects[0]!);
  const life = await history(rig, replicaWorkflowId(replica!.id));
  const provision = await history(rig, provisionRunId(replica!.id));
  const gateway = await history(rig, gatewayWorkflowId(subjects[0]!.gatewayId));
  await takeDown(rig, subjects);
  const cpu = Object.entries(meter.per(count)).map(([name, ms]) => `${name} ${short(ms)}`);
  const sizes = [`provision ${told(provision)}`, `replica ${told(life)}`, `gateway of ${replicas} ${told(gateway)}`];
  return {
    ...{ group: `${count} replicas of ${gateways} gateways at once, a fake backend with 100 ms latency` },
    name: `all RUNNING after ${short(seconds)} s`,
    note: `worker ${short(after.rss)} MB, ${short(((after.rss - before.rss) * 1024) / count)} KB by replica; CPU ms by replica: ${cpu.join(', ')}; histories: ${sizes.join(', ')}`,
    bar: atMost(seconds, 60, 's'),
  };
}

/** Has a gateway's workflow look again and again; then it must still do its work. */
async function longLife(rig: CrashRig, subject: Subject, wanted: number): Promise<Row> {
  const workflowId = gatewayWorkflowId(subject.gatewayId);
  const first = (await history(rig, workflowId)).runId;
  const began = performance.now();
  const runs = new Map<string, number>();
  const events = (): number => [...runs.values()].reduce((sum, one) => sum + one, 0);
  let looks = 0;
  while (events() < wanted) {
    await Promise.all(Array.from({ length: 10 }, () => rig.tell(subject)));
    looks += 10;
    const { runId, length } = await history(rig, workflowId);
    runs.set(runId, length);
  }
  const seconds = (performance.now() - began) / 1000;
  const { configuration } = (await rig.gateway(subject))!;
  await rig.store.fleet.gateways.update(
    subject.organizationId,
    subject.gatewayId,
    { configuration: { ...configuration, replicas: 2 } },
    { actor: null },
  );
  await rig.tell(subject);
  await until(performance.now(), 'it has two replicas', async () => {
    const replicas = await rig.replicas(subject);
    return replicas.filter(({ state }) => state === 'running').length === 2;
  });
  const chain = [...runs.keys()];
  return {
    ...{ group: 'a gateway that lives for long', name: `${events()} events in ${runs.size} runs of its workflow` },
    note: `${looks} looks in ${short(seconds)} s; then scaled from one replica to two`,
    bar: atLeast(chain[0] === first && events() >= wanted ? chain.length : 0, 2, 'runs, continued as new'),
  };
}

interface History {
  readonly runId: string;
  readonly length: number;
  readonly bytes: number;
}

async function history(rig: CrashRig, workflowId: string): Promise<History> {
  const { runId, historyLength, historySize } = await rig.temporal.client.workflow.getHandle(workflowId).describe();
  return { runId, length: historyLength, bytes: historySize ?? 0 };
}

function told({ length, bytes }: History): string {
  return `${length} events ${short(bytes / 1024)} KB`;
}

/** A cloud that is in the worker's memory; nothing of it is seen from here. */
async function inTheWorker(gate: Parameters<typeof Relay.open>[1]): Promise<CrashCloud> {
  const nothing = {
    upstream: { host: '127.0.0.1', port: 1 },
    effectOf: () => undefined,
    answered: async (_: unknown, __: unknown, { body }: { body: string }) => await Promise.resolve(body),
  };
  const relay = await Relay.open(nothing, gate);
  const options = {
    ...{ engine: { host: '127.0.0.1', port: relay.port }, image: 'none', region: 'here' },
    ...{ addresses: '127.32.0.0/11', sshPort: 22 },
  };
  return {
    ...{ name: 'a fake backend', region: 'here', calls: [], makes: '', relay, made: new Made() },
    settings: { backend: 'docker', regions: ['here'], options },
    machines: async () => await Promise.resolve([]),
    close: () => relay.close(),
  };
}
