import { randomUUID } from 'node:crypto';
import { RunKind } from '../../domain/gateway/contract';
import { failures } from '../../domain/failures';
import { ApiCaller } from '../support/api-caller';
import { Campaign, habits } from '../support/campaign';
import { eventually } from '../support/eventually';
import { allRuns, invariantsHold } from '../support/invariants';
import { Prober } from '../support/prober';
import { Random, seed } from '../support/random';
import type { ApiAnswer } from '../support/api-call';
import { RunningEnvironment } from '../support/running';
import type { Snapshot } from '../support/snapshot';
import { VersionWatch } from '../support/version-watch';
import { Disturbance } from './disturbance';

/*
 * Two organizations never see each other's gateway, not even for one request, however many start, stop and fail at
 * once.
 */

const AGENTS = 20;
const ORGANIZATIONS = 100;
/** So many keep their gateway to the end. */
const KEEPERS = 6;

jest.setTimeout(120_000);

let running: RunningEnvironment;
let before: Snapshot;
let prober: Prober;
let caller: ApiCaller;
let campaign: Campaign;
beforeAll(async () => {
  running = await RunningEnvironment.start((description) => ({
    ...description,
    agents: { ...description.agents, count: AGENTS },
    api: { ...description.api, rateLimit: 1_000_000 },
    policy: { ...description.policy, retryIntervalMs: 100 },
  }));
  before = await running.snapshot();
  const { settings, apiUrl } = running.environment;
  const edges = settings.edges.map(({ httpAddress }) => httpAddress);
  prober = new Prober(edges, settings.zone.name);
  caller = new ApiCaller([apiUrl], running.token);
  campaign = new Campaign(caller, prober, new Random(seed));
}, 120_000);
afterAll(() => running.close());

const hold = (): Promise<void> =>
  eventually(() => {
    const { settings, agents } = running.environment;
    return invariantsHold({ settings, store: running.store, agents }, campaign);
  });

/** Starts a gateway; on a busy machine it takes more than one request to see the end of it. */
async function startToItsEnd(organization_id: string): Promise<ApiAnswer> {
  for (;;) {
    const answer = await caller.call('POST', '/gateway/start', { organization_id });
    if (answer.status !== 202) return answer;
  }
}

test(`${ORGANIZATIONS} organizations come and go at once on ${AGENTS} replicas, and each sees its own (SEED=${seed})`, async () => {
  const random = new Random(seed);
  const versions = new VersionWatch(running.store);
  const disturbance = new Disturbance(running, random, () => campaign.counts['HANDSHAKE_TIMEOUT'] ?? 0);
  prober.start();
  versions.start();
  disturbance.start();
  const chosen = Array.from({ length: ORGANIZATIONS }, (_, i) =>
    i < habits.length ? habits[i]! : random.pick(habits),
  );
  await Promise.all(
    chosen.map((habit, i) => campaign.organization(habit, { keep: i >= ORGANIZATIONS - KEEPERS })),
  ).finally(() => disturbance.stop());
  await versions.stop();
  await hold();
  await prober.stop();

  expect(prober.wrong).toEqual([]);
  expect(versions.wrong).toEqual([]);
  // It was as busy as it was meant to be.
  const { counts } = campaign;
  for (const what of ['POOL_EMPTY', 'HANDSHAKE_FAILED', 'HANDSHAKE_TIMEOUT', 'CANCELLED', 'replayed'])
    expect({ what, times: counts[what] ?? 0 }).not.toEqual({ what, times: 0 });
  expect(counts['started']).toBeGreaterThan(ORGANIZATIONS / 2);
  expect(prober.asked.live).toBeGreaterThan(ORGANIZATIONS);
  expect(prober.asked.nobody).toBeGreaterThan(ORGANIZATIONS);
  expect(versions.changes).toBeGreaterThan(ORGANIZATIONS);
});

test('of one organization more than there are replicas exactly one is told that the pool is empty', async () => {
  await Promise.all([...campaign.live.keys()].map((organizationId) => campaign.stop(organizationId)));
  const organizations = Array.from({ length: AGENTS + 1 }, () => randomUUID());
  const answers = await Promise.all(organizations.map(startToItsEnd));
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused.map(({ status, body }) => ({ status, code: body['code'], error: body['error'] }))).toEqual([
    { status: 503, code: 'POOL_EMPTY', error: failures.POOL_EMPTY.title },
  ]);
  expect(refused[0]!.headers.get('retry-after')).toMatch(/^[1-9][0-9]*$/);
  for (const { body, status } of answers)
    if (status === 200) campaign.live.set(String(body['organization_id']), String(body['allocation_id']));
  await hold();
  // Every replica serves its present allocation, whatever it missed before.
  const served = (await running.snapshot()).agents.map(({ serves }) => serves);
  expect(new Set(served)).toEqual(new Set(campaign.live.values()));
});

test('when all have stopped nothing is left of them but their history', async () => {
  await Promise.all([...campaign.live.keys()].map((organizationId) => campaign.stop(organizationId)));
  await hold();
  expect(await running.snapshot()).toEqual(before);
  const kinds = (await allRuns(running.store)).map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set([RunKind.start, RunKind.stop]));
});
