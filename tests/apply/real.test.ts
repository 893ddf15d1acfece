import { deployments, allRounds, endingOf, fewRounds, named, play, type Played, type Round } from './support/rounds';
import { RealWorld } from './support/real-world';
import { expectSound } from './support/sound';
import { eventually } from '../support/eventually';

/*
 * Applies over four deployments of a database on a MariaDB server, and two of one on a PostgreSQL server. In each round a
 * phase of one deployment fails. `APPLIES=all` plays every phase of every deployment under every policy.
 */

const all = process.env['APPLIES'] === 'all';
const rounds = all ? allRounds : fewRounds;

jest.setTimeout(all ? 3_600_000 : 240_000);

/** How many rounds are played at once. */
const LANES = 2;

let world: RealWorld;
const played = new Map<Round, Promise<Played>>();

beforeAll(async () => {
  world = await RealWorld.start();
  const lanes = Array.from({ length: LANES }, () => Promise.resolve());
  for (const [i, round] of rounds.entries()) {
    const playing = lanes[i % LANES]!.then(() => play(world, round));
    lanes[i % LANES] = playing.then(
      () => undefined,
      () => undefined,
    );
    played.set(round, playing);
  }
}, 180_000);

afterAll(async () => await world?.close());

const types = { MariaDB: ['int(11)', 'bigint(20)'], PostgreSQL: ['integer', 'bigint'] } as const;

test.each(rounds.map((round) => [named(round), round] as const))('%s', async (_, round) => {
  const { rollout, happened } = await played.get(round)!;
  const { states, changed } = endingOf(round);
  expect(happened).toBeGreaterThan(0);
  const apply = await rollout.apply();
  const operations = await rollout.operations();
  const outcome = round.policy !== 'passes' ? 'failed' : round.phase === 'revert' ? 'reverted' : 'completed';
  expect([apply.state, operations.map(({ state }) => state)]).toEqual([outcome, states]);
  if (outcome === 'failed') expect(apply.error).toContain(`${round.phase} fails, as somebody wants it`);

  await expectSound(rollout);

  // It ended only when nothing was done any more.
  const settledAt = apply.completedAt!.getTime();
  for (const { completedAt } of operations)
    if (completedAt) expect(completedAt.getTime()).toBeLessThanOrEqual(settledAt);
  for (const schema of rollout.schemas) expect(world.injector.lastWrite(schema)).toBeLessThanOrEqual(settledAt);

  const { deployment } = await eventually(async () => {
    const request = await rollout.request.read();
    expect(request.deployment.state).toMatch(/^complete(_error|_revert|_revert_error)?$/);
    return request;
  });
  if (deployment.state.endsWith('_error')) {
    expect(outcome).toBe('failed');
    await rollout.request.tell('completeDeploy');
  }
  await eventually(async () => expect((await rollout.request.handle.describe()).status.name).not.toBe('RUNNING'));
  await eventually(async () => expect(await rollout.running()).toEqual([]));
  expect(await rollout.leftovers()).toEqual([]);
  expect(await rollout.types()).toEqual(changed.map((is) => types[round.server][is ? 1 : 0]));
  expect(await rollout.counts()).toEqual(Array.from({ length: deployments[round.server] }, () => '200 20100'));
});

test('nothing is left of all of them', async () => {
  await Promise.allSettled(played.values());
  expect(await world.leftInCommon()).toEqual([]);
});
