import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiCaller } from './api-caller';
import type { Claims } from './invariants';
import type { Prober } from './prober';
import type { Random } from './random';
import type { ApiAnswer } from './api-call';

/**
 * How an organization gets its gateway and lets it go.
 * - `keyed`: with an Idempotency-Key, each request sent twice at once;
 * - `twice`: two starts at once without a key;
 * - `cancelled`: the start is cancelled somewhere on its way;
 * - `hasty`: it is to be stopped while it is being started;
 * - `regretted`: the stop is cancelled somewhere on its way.
 */
export const habits = ['plain', 'plain', 'keyed', 'twice', 'cancelled', 'cancelled', 'hasty', 'regretted'] as const;
export type Habit = (typeof habits)[number];

type Verb = 'start' | 'stop';

/** What became of a start. */
type Ended = { readonly live: string } | { readonly empty: true } | { readonly failed: string };

/** Organizations that start and stop their gateways, each in its own way, and tell the prober what to count on. */
export class Campaign implements Claims {
  readonly live = new Map<string, string>();
  readonly runs = new Set<string>();
  /** How often what happened: `started`, `stopped`, `replayed`, and the codes of failures. */
  readonly counts: Record<string, number> = {};

  constructor(
    private readonly api: ApiCaller,
    private readonly prober: Prober,
    private readonly random: Random,
  ) {}

  /** One organization from its start to its stop. Where the pool is empty, it comes again later. */
  async organization(habit: Habit, { keep = false } = {}): Promise<void> {
    const organizationId = randomUUID();
    this.prober.nobody(organizationId);
    for (let wait = 1_000; ; wait = Math.min(wait * 2, 4_000)) {
      await this.prober.changing(organizationId);
      const ended = await this.start(organizationId, habit);
      if ('live' in ended) {
        this.isLive(organizationId, ended.live);
        if (keep) return;
        await sleep(this.random.between(50, 400));
        return await this.stop(organizationId, habit);
      }
      this.prober.nobody(organizationId);
      // Of two starts without a key another run than the one that failed may still be under way: it is joined.
      if (habit === 'twice') await this.prober.changing(organizationId);
      else if ('failed' in ended) return;
      await sleep(wait * (0.5 + this.random.next()));
    }
  }

  /** Takes a gateway down that is live. */
  async stop(organizationId: string, habit: Habit = 'plain'): Promise<void> {
    await this.prober.changing(organizationId);
    const allocationId = this.live.get(organizationId)!;
    this.live.delete(organizationId);
    if (habit === 'regretted' && !(await this.stopAndRegret(organizationId, allocationId))) return;
    const { status, body } = await this.ask('stop', organizationId, habit);
    if (status !== 200 && !(status === 202 && (await this.ended(String(body['run_id']))) === 'succeeded'))
      throw new Error(`the stop of ${organizationId} was answered ${status}: ${JSON.stringify(body)}`);
    this.count('stopped');
    this.prober.nobody(organizationId);
  }

  private isLive(organizationId: string, allocationId: string): void {
    this.live.set(organizationId, allocationId);
    this.prober.live(organizationId, allocationId);
    this.count('started');
  }

  private async start(organizationId: string, habit: Habit): Promise<Ended> {
    if (habit === 'cancelled') return await this.startAndCancel(organizationId);
    if (habit === 'hasty') return await this.startAndStop(organizationId);
    return await this.outcome(await this.ask('start', organizationId, habit));
  }

  /** Sends a request in the manner of a habit. Where it is sent twice, both answers have to be the same. */
  private async ask(verb: Verb, organizationId: string, habit: Habit): Promise<ApiAnswer> {
    const body = { organization_id: organizationId };
    const headers: Record<string, string> = habit === 'twice' ? {} : { 'idempotency-key': randomUUID() };
    const send = async (): Promise<ApiAnswer> => {
      const answer = await this.send('POST', `/gateway/${verb}`, body, headers);
      // Without a key there is no telling which of several runs will have the gateway: asking again joins that one.
      return habit === 'twice' && verb === 'start' && answer.status === 202 ? await send() : answer;
    };
    if (habit !== 'keyed' && (habit !== 'twice' || verb === 'stop')) return await send();
    const [one, other] = await Promise.all([send(), send()]);
    if (one.status === 200 && other.status === 200) expect(other.body).toEqual(one.body);
    if (habit === 'keyed' && one.status !== 503) {
      const again = await send();
      expect({ status: again.status, body: again.body }).toEqual({ status: one.status, body: one.body });
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      this.count('replayed');
    }
    // The failure of the first is forgotten: the other may be another attempt, which is under way still.
    return [one, other].find(({ status }) => status === 200) ?? (one.status === 202 ? one : other);
  }

  private async startAndCancel(organizationId: string): Promise<Ended> {
    const accepted = await this.begin('start', organizationId);
    if (accepted.status !== 202) return await this.outcome(accepted);
    const runId = String(accepted.body['run_id']);
    await sleep(this.random.between(0, 150));
    await this.cancel(runId);
    return await this.outcome(accepted);
  }

  private async startAndStop(organizationId: string): Promise<Ended> {
    const accepted = await this.begin('start', organizationId);
    await sleep(this.random.between(0, 100));
    const stop = await this.send('POST', '/gateway/stop', { organization_id: organizationId });
    const ended = await this.outcome(accepted);
    if (stop.status === 409) this.count('stop refused');
    if (stop.status !== 200 && stop.status !== 202) return ended;
    // It was quick enough to be stopped.
    if (stop.status === 202) await this.ended(String(stop.body['run_id']));
    this.count('stopped');
    return { failed: 'stopped at once' };
  }

  /** Begins a stop and cancels it; answers whether the gateway is up again. */
  private async stopAndRegret(organizationId: string, allocationId: string): Promise<boolean> {
    const { status, body } = await this.begin('stop', organizationId);
    if (status !== 202) throw new Error(`the stop of ${organizationId} was answered ${status}`);
    await sleep(this.random.between(0, 100));
    await this.cancel(String(body['run_id']));
    const state = await this.ended(String(body['run_id']));
    this.count(state === 'succeeded' ? 'stopped' : 'stop taken back');
    if (state === 'succeeded') this.prober.nobody(organizationId);
    if (state === 'succeeded') return false;
    this.prober.live(organizationId, allocationId);
    await sleep(this.random.between(50, 200));
    await this.prober.changing(organizationId);
    return true;
  }

  private async cancel(runId: string): Promise<void> {
    const { status } = await this.send('POST', `/runs/${runId}/cancel`);
    this.count(`cancel ${status}`);
  }

  private begin(verb: Verb, organizationId: string): Promise<ApiAnswer> {
    // With a key, so that a repeat after an answer that was lost finds the run that this one began.
    const headers = { prefer: 'respond-async', 'idempotency-key': randomUUID() };
    return this.send('POST', `/gateway/${verb}`, { organization_id: organizationId }, headers);
  }

  private async send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ApiAnswer> {
    const answer = await this.api.call(method, path, body, headers);
    if (typeof answer.body['run_id'] === 'string') this.runs.add(answer.body['run_id']);
    return answer;
  }

  /** What a start came to, waiting for its run where the answer did not. */
  private async outcome({ status, body }: ApiAnswer): Promise<Ended> {
    if (status === 200) return { live: String(body['allocation_id']) };
    let code = String(body['code']);
    if (status === 202) {
      if ((await this.ended(String(body['run_id']))) === 'succeeded') return { live: String(body['allocation_id']) };
      const run = await this.send('GET', `/runs/${String(body['run_id'])}`);
      code = (run.body['error'] as { code: string }).code;
    }
    if (body['needs_attention']) throw new Error(`an undo is stuck: ${JSON.stringify(body)}`);
    this.count(code);
    return code === 'POOL_EMPTY' ? { empty: true } : { failed: code };
  }

  /** The state in which a run ended. */
  private async ended(runId: string): Promise<string> {
    const deadline = Date.now() + 90_000;
    for (;;) {
      const { body } = await this.send('GET', `/runs/${runId}`);
      const state = String(body['state']);
      if (['succeeded', 'rolled_back', 'abandoned'].includes(state)) return state;
      if (Date.now() > deadline) throw new Error(`run ${runId} does not end: ${JSON.stringify(body)}`);
      await sleep(300);
    }
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}
