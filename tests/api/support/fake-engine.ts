import type { Decision, Engine, RunDescription, RunOutcome } from '../../../api/engine';
import type { GatewayLife, Sweep, SweepReport } from '../../../domain/fleet/contract';
import { Failure, isFailure, type FailureCode } from '../../../domain/failures';
import { RunKind, type GatewayStarted, type StartGateway, type StopGateway } from '../../../domain/gateway/contract';
import { gatewayHostname } from '../../../domain/hostname';
import type { NewJournalEntry } from '../../../domain/journal';
import type { SagaView } from '../../../domain/saga';
import type { Store } from '../../../prisma/store';
import { FakeDeploys } from './fake-deploys';

type Outcome = RunOutcome<unknown>;
export type Script = (runId: string, input: StartGateway) => Promise<Outcome>;

/** Temporal and its workers in the API's tests: runs change the real store as the real ones do. */
export class FakeEngine implements Engine {
  readonly deploys: FakeDeploys;
  readonly starts: string[] = [];
  readonly stops: string[] = [];
  readonly cancelled: string[] = [];
  readonly decisions: (Decision & { runId: string })[] = [];
  /** Gateways and replicas whose workflows were told to look. */
  readonly told: { gateways: GatewayLife[]; replicas: string[] } = { gateways: [], replicas: [] };
  readonly sweeps: Sweep[] = [];
  /** What sweeps find; null for one that goes on for ever. */
  swept: Omit<SweepReport, 'dryRun'> | null = { orphans: [], tooYoung: [], lost: [], unreachable: [] };
  away = false;
  polling = 1;
  /** What a start does; tests replace it. */
  script: Script = (runId, input) => this.succeed(runId, input);
  /** Runs that Temporal knows and the journal does not. */
  readonly unwritten = new Map<string, RunDescription>();
  private readonly runs = new Map<string, Promise<Outcome>>();

  constructor(readonly store: Store) {
    this.deploys = new FakeDeploys(store);
  }

  startGateway(runId: string, input: StartGateway): Promise<void> {
    return this.begin(this.starts, runId, () => this.script(runId, input));
  }

  stopGateway(runId: string, input: StopGateway): Promise<void> {
    return this.begin(this.stops, runId, () => this.takeDown(runId, input));
  }

  async outcome<T>(runId: string, signal: AbortSignal): Promise<RunOutcome<T> | undefined> {
    const ended = this.deploys.outcomes.get(runId);
    if (ended !== undefined) {
      const { code, message, data } = ended ?? {};
      return ended ? { ok: false, code: code!, message: message!, data: data! } : { ok: true, result: undefined as T };
    }
    const run = this.deploys.begun.includes(runId) ? new Promise<never>(() => undefined) : this.runs.get(runId);
    if (!run) throw new Failure('NOT_FOUND');
    const nobody = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)));
    return (await Promise.race([run, nobody])) as RunOutcome<T> | undefined;
  }

  async describe(runId: string): Promise<RunDescription | undefined> {
    this.mustAnswer();
    return Promise.resolve(this.unwritten.get(runId));
  }

  async cancel(runId: string): Promise<void> {
    this.mustAnswer();
    this.cancelled.push(runId);
    return Promise.resolve();
  }

  async resolve(runId: string, decision: Decision): Promise<SagaView> {
    this.mustAnswer();
    const run = await this.store.journal.run(runId);
    if (run?.state !== 'needs_attention')
      throw new Failure('STATE_CONFLICT', 'nothing is stuck', { data: { allowed: [] } });
    this.decisions.push({ runId, ...decision });
    return { saga: run.kind, state: 'rolling_back', steps: [], cancelled: false };
  }

  async tellGateway(life: GatewayLife): Promise<void> {
    this.mustAnswer();
    this.told.gateways.push(life);
    return Promise.resolve();
  }

  async tellReplica(replicaId: string): Promise<void> {
    this.mustAnswer();
    this.told.replicas.push(replicaId);
    return Promise.resolve();
  }

  async sweep(input: Sweep, signal: AbortSignal): Promise<SweepReport | undefined> {
    this.mustAnswer();
    this.sweeps.push(input);
    if (this.swept) return { dryRun: input.dryRun, ...this.swept };
    return await new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined)));
  }

  async workers(): Promise<number> {
    this.mustAnswer();
    return Promise.resolve(this.polling);
  }

  /** A start that goes well. */
  async succeed(runId: string, input: StartGateway): Promise<Outcome> {
    const note = this.notes(runId, input.organizationId);
    try {
      await note({ type: 'attempt.started', ...attempt('allocate', 'do') });
      const { organizationId, allocationId } = input;
      const hostname = gatewayHostname(organizationId, input.zone);
      const slot = await this.store.pool.allocate({ allocationId, organizationId, hostname, runId });
      await note({ type: 'attempt.ended', ...attempt('allocate', 'do'), outcome: 'succeeded' });
      await this.store.pool.move(allocationId, ['starting'], 'live');
      await note({ type: 'run.state', state: 'succeeded' });
      const { replicaId, address, epoch } = slot;
      return {
        ok: true,
        result: { allocationId, organizationId, hostname, replicaId, address, epoch } satisfies GatewayStarted,
      };
    } catch (error) {
      if (!isFailure(error)) throw error;
      await note({ type: 'run.state', state: 'rolled_back', error: { code: error.code, message: error.message } });
      return { ok: false, code: error.code, message: error.message, data: error.data };
    }
  }

  /** A start that fails at a step and is taken back. */
  async fail(runId: string, input: StartGateway, code: FailureCode, message: string): Promise<Outcome> {
    const note = this.notes(runId, input.organizationId);
    await note({ type: 'attempt.started', ...attempt('handshake', 'do') });
    await note({ type: 'attempt.ended', ...attempt('handshake', 'do'), outcome: 'failed', error: { code, message } });
    await note({ type: 'run.state', state: 'rolled_back', error: { code, message } });
    return { ok: false, code, message, data: {} };
  }

  /** A start whose undo of `dns` is stuck: the run does not end. */
  async stick(runId: string, input: StartGateway, code: FailureCode, message: string): Promise<Outcome> {
    const note = this.notes(runId, input.organizationId);
    const stuck = { code: 'DNS_UNAVAILABLE', message: 'connection refused' } as const;
    await note({ type: 'attempt.started', ...attempt('dns', 'undo') });
    await note({ type: 'attempt.ended', ...attempt('dns', 'undo'), outcome: 'failed', error: stuck });
    await note({
      type: 'run.state',
      state: 'needs_attention',
      error: { code, message },
      stuck: [{ step: 'dns', error: stuck }],
      severity: 'warning',
    });
    return await new Promise<never>(() => undefined);
  }

  /** Writes entries of a run to the journal. */
  notes(runId: string, organizationId: string, kind: string = RunKind.start): (entry: Note) => Promise<number> {
    return (entry) =>
      this.store.journal.append({
        at: new Date().toISOString(),
        runId,
        organizationId,
        kind,
        ...entry,
      } as NewJournalEntry);
  }

  private async takeDown(runId: string, { allocationId, organizationId }: StopGateway): Promise<Outcome> {
    const note = this.notes(runId, organizationId, RunKind.stop);
    await this.store.pool.move(allocationId, ['live', 'stopping'], 'stopping');
    const { hostname } = (await this.store.pool.allocation(allocationId))!;
    await this.store.pool.release({ allocationId, organizationId, runId });
    await note({ type: 'run.state', state: 'succeeded' });
    return { ok: true, result: { allocationId, organizationId, hostname } };
  }

  private begin(log: string[], runId: string, script: () => Promise<Outcome>): Promise<void> {
    this.mustAnswer();
    if (!this.runs.has(runId)) {
      log.push(runId);
      this.runs.set(runId, script());
    }
    return Promise.resolve();
  }

  private mustAnswer(): void {
    if (this.away) throw new Failure('ENGINE_UNAVAILABLE', 'connect ECONNREFUSED 10.9.8.7:7233');
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Note = DistributiveOmit<NewJournalEntry, 'at' | 'runId' | 'organizationId' | 'kind'>;

/** Which attempt an entry speaks of. */
export function attempt(step: string, phase: 'do' | 'undo', number = 1) {
  return { step, phase, activity: step, activityId: `${step}-${phase}`, attempt: number, worker: 'worker-1' };
}
