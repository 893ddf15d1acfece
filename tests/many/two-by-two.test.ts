import { freePort } from '../../environment/ports';
import { ApiCaller } from '../support/api-caller';
import { Campaign, habits } from '../support/campaign';
import { eventually } from '../support/eventually';
import { invariantsHold } from '../support/invariants';
import { Prober } from '../support/prober';
import { Random, seed } from '../support/random';
import { RunningEnvironment } from '../support/running';
import { VersionWatch } from '../support/version-watch';
import { Outside } from './outside';

/*
 * Two APIs and two workers on PostgreSQL and a Temporal server of their own. Organizations that come and go at once see
 * their own gateway alone, and whatever is killed in the middle of a step, every run ends well or is taken back, while
 * a bystander is served without a gap.
 */

const AGENTS = 6;
const ORGANIZATIONS = 24;

jest.setTimeout(120_000);

let outside: Outside;
let running: RunningEnvironment;
let caller: ApiCaller;
let prober: Prober;
let campaign: Campaign;
let versions: VersionWatch;
beforeAll(async () => {
  outside = await Outside.start();
  running = await RunningEnvironment.start(
    (description) => ({
      ...description,
      agents: { ...description.agents, count: AGENTS },
      // A request whose API was killed keeps its Idempotency-Key for as long as it may wait, and a little longer.
      api: { ...description.api, rateLimit: 1_000_000, waitMs: 3_000 },
      policy: { ...description.policy, retryIntervalMs: 100 },
    }),
    { env: outside.env },
  );
  const { environment } = running;
  const { settings, apiUrl } = environment;
  const second = { ...settings, api: { ...settings.api, port: await freePort(settings.api.host) } };
  await Promise.all([environment.add('worker', 'worker-2'), environment.add('api', 'api-2', second)]);
  caller = new ApiCaller([apiUrl, `http://${second.api.host}:${second.api.port}`], running.token);
  prober = new Prober(
    settings.edges.map(({ httpAddress }) => httpAddress),
    settings.zone.name,
  );
  campaign = new Campaign(caller, prober, new Random(seed));
  versions = new VersionWatch(running.store);
  prober.start(2);
  versions.start();
  await campaign.organization('plain', { keep: true }); // the bystander
}, 120_000);
afterAll(async () => {
  await prober.stop();
  await versions.stop();
  await running.close();
  await outside.close();
});
afterEach(async () => {
  await eventually(() => {
    const { settings, agents } = running.environment;
    return invariantsHold({ settings, store: running.store, agents }, campaign);
  }, 30_000);
  expect(prober.wrong).toEqual([]);
  expect(versions.wrong).toEqual([]);
});

test(`${ORGANIZATIONS} organizations come and go at once through both APIs (SEED=${seed})`, async () => {
  const random = new Random(seed);
  const chosen = Array.from({ length: ORGANIZATIONS }, (_, i) =>
    i < habits.length ? habits[i]! : random.pick(habits),
  );
  await Promise.all(chosen.map((habit) => campaign.organization(habit)));
  for (const what of ['POOL_EMPTY', 'CANCELLED', 'replayed', 'stopped'])
    expect({ what, times: campaign.counts[what] ?? 0 }).not.toEqual({ what, times: 0 });
  const { pids } = running.environment;
  for (const name of ['worker', 'worker-2']) {
    const entries = await running.store.journal.after(0, { limit: 100_000 });
    expect(entries.some((entry) => 'worker' in entry && entry.worker.includes(`/${pids[name]}/`))).toBe(true);
  }
});

/** Ends or restarts what a step is in the middle of, and waits until it is there again. */
const kills: Record<string, () => Promise<void>> = {
  'its worker': async () => await killAndAwait(nameOf(running.breakPoints.reachedBy)),
  'the API that was asked': async () =>
    await killAndAwait(caller.last === running.environment.apiUrl ? 'api' : 'api-2'),
  Temporal: async () => await outside.killTemporal(),
  PostgreSQL: async () => await outside.restartPostgres(),
};

function nameOf(pid: number): string {
  return Object.entries(running.environment.pids).find(([, each]) => each === pid)![0];
}

async function killAndAwait(name: string): Promise<void> {
  const { pid } = running.environment.component(name);
  await running.environment.kill9(name);
  running.breakPoints.clear();
  await eventually(() => expect(running.environment.component(name).pid).not.toBe(pid), 30_000);
}

/** Does something during which a step is reached, and kills in the middle of that step. */
async function during(work: () => Promise<void>, step: string, when: 'before' | 'after', kill: string): Promise<void> {
  running.breakPoints.set({ step, phase: 'do', when });
  const done = work();
  await Promise.race([done, eventually(() => expect(running.breakPoints.wasReached).toBe(true))]);
  expect(running.breakPoints.wasReached).toBe(true);
  await kills[kill]!();
  running.breakPoints.clear();
  await done;
}

test.each([
  { kill: 'its worker', step: 'handshake', when: 'after' },
  { kill: 'its worker', step: 'reload', when: 'before' },
  { kill: 'the API that was asked', step: 'dns', when: 'after' },
  { kill: 'Temporal', step: 'route', when: 'after' },
  { kill: 'PostgreSQL', step: 'allocate', when: 'after' },
] as const)('start: $kill is killed at $step, $when its effect', async ({ kill, step, when }) => {
  const before = new Set(campaign.live.keys());
  await during(() => campaign.organization('plain', { keep: true }), step, when, kill);
  for (const organizationId of campaign.live.keys())
    if (!before.has(organizationId)) await campaign.stop(organizationId);
});

test.each([
  { kill: 'its worker', step: 'farewell', when: 'after' },
  { kill: 'the API that was asked', step: 'route', when: 'before' },
  { kill: 'Temporal', step: 'reload', when: 'before' },
  { kill: 'PostgreSQL', step: 'dns', when: 'before' },
] as const)('stop: $kill is killed at $step, $when its effect', async ({ kill, step, when }) => {
  const before = new Set(campaign.live.keys());
  await campaign.organization('plain', { keep: true });
  const started = [...campaign.live.keys()].find((organizationId) => !before.has(organizationId))!;
  await during(() => campaign.stop(started), step, when, kill);
});
