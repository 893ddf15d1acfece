import { Failure } from '../../domain/failures';
import { Bench, host, until } from './support';
import { MemoryBook } from './memory-book';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.started();
});
afterEach(() => bench.close());

test('a published route is served, by fresh workers of the generation that was claimed', async () => {
  const before = bench.edge.processes.children(bench.nginx!.pid);
  expect(before.size).toBeGreaterThan(0);
  expect(await bench.edge.answers(host(1))).toBe(false);

  const published = await bench.publisher().publish(bench.world.route('a1', host(1), bench.gateway));

  expect(published).toEqual({ state: 'live', generation: 1, revision: 1, coalesced: 1 });
  expect((await bench.get(host(1), '/x?y=1')).status).toBe(200);
  expect(await bench.edge.answers(host(1))).toBe(true);
  const presence = await bench.edge.presence();
  expect(presence).toMatchObject({ state: 'up', generation: 1 });
  expect(presence.state === 'up' && before.has(presence.pid)).toBe(false);
  expect([...before].filter((worker) => bench.edge.processes.accepts(worker))).toEqual([]);
  expect(bench.world.published).toEqual([{ holder: 'a', generation: 1, revision: 1, changes: 1 }]);
});

test('a removed route is not served by anybody once that is published', async () => {
  const publisher = bench.publisher();
  bench.world.route('a1', host(1), bench.gateway);
  await publisher.publish(bench.world.route('a2', host(2), bench.gateway));
  await publisher.publish(bench.world.remove('a1'));

  const statuses = await Promise.all(Array.from({ length: 40 }, async () => (await bench.get(host(1))).status));
  expect(new Set(statuses)).toEqual(new Set([421]));
  expect((await bench.get(host(2))).status).toBe(200);
});

test('a hundred at once share few generations and all are served', async () => {
  const publisher = bench.publisher();
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  const published = await Promise.all(
    numbers.map(async (number) => {
      // As activities do: each writes its route and asks for it, not all in the same instant.
      await new Promise((resolve) => setTimeout(resolve, number % 20));
      return await publisher.publish(bench.world.route(`a${number}`, host(number), bench.gateway));
    }),
  );
  expect(published.every(({ state }) => state === 'live')).toBe(true);
  expect(bench.world.published.length).toBeLessThanOrEqual(4);
  expect(bench.world.published.reduce((sum, { changes }) => sum + changes, 0)).toBe(100);
  expect(Math.max(...published.map(({ coalesced }) => coalesced))).toBeGreaterThan(10);
  for (const number of numbers) expect((await bench.get(host(number))).status).toBe(200);
});

test('who comes while a generation is being tested is carried by the next', async () => {
  const book = new MemoryBook(bench.world, 'a');
  const publisher = bench.publisher({ book });
  let late: Promise<{ generation: number }> | undefined;
  book.before.renew = () => {
    late ??= publisher.publish(bench.world.route('a2', host(2), bench.gateway));
  };
  const first = await publisher.publish(bench.world.route('a1', host(1), bench.gateway));
  expect(first.generation).toBe(1);
  expect((await late!).generation).toBe(2);
  expect(bench.world.published.map(({ revision }) => revision)).toEqual([1, 2]);
});

test('publishing what is live already costs no reload', async () => {
  const publisher = bench.publisher();
  const revision = bench.world.route('a1', host(1), bench.gateway);
  await publisher.publish(revision);
  await until(() => !publisher.busy);
  expect(await publisher.publish(revision)).toMatchObject({ state: 'live', generation: 1, revision });
  expect(bench.world.claimed).toBe(1);
});

test('a revision that does not exist is refused instead of published for ever', async () => {
  await expect(bench.publisher().publish(7)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  expect(bench.world.claimed).toBe(1);
});

test('one route that cannot be rendered fails alone and is left out', async () => {
  const publisher = bench.publisher();
  const good = bench.world.route('a1', host(1), bench.gateway);
  const bad = bench.world.route('a2', 'x.test; return 200 pwned', bench.gateway);
  const outside = bench.world.route('a3', host(3), '169.254.169.254:80');
  const twice = bench.world.route('a4', host(1), '127.0.0.9:1');
  const settled = await Promise.allSettled([good, bad, outside, twice].map((revision) => publisher.publish(revision)));
  expect(settled.map((one) => (one.status === 'fulfilled' ? one.value.state : one.reason.code))).toEqual([
    'live',
    'INVALID_INPUT',
    'ADDRESS_REFUSED',
    'STATE_CONFLICT',
  ]);
  expect((await bench.get(host(1))).status).toBe(200);
  expect((await bench.get(host(3))).status).toBe(421);

  // Said again after a repeat: that the rest is live does not make it so for this one.
  await expect(publisher.publish(bad)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

test('a host passes from one allocation to the next within one generation', async () => {
  const publisher = bench.publisher();
  await publisher.publish(bench.world.route('a1', host(1), '127.0.0.1:9'));
  bench.world.remove('a1');
  await publisher.publish(bench.world.route('a2', host(1), bench.gateway));
  expect((await bench.get(host(1))).status).toBe(200);
});

test('a store that was made anew counts on from the generation on disk', async () => {
  await bench.publisher().publish(bench.world.route('a1', host(1), bench.gateway));
  await bench
    .publisher({ book: new MemoryBook(bench.world, 'a') })
    .publish(bench.world.route('a2', host(2), bench.gateway));
  bench.world.claimed = 0;
  bench.world.live = { generation: 0, revision: 0 };
  const published = await bench.publisher().publish(bench.world.route('a3', host(3), bench.gateway));
  expect(published).toMatchObject({ state: 'live', generation: 3 });
});

test('a store that fails fails the publish with its own code and leaves the edge as it was', async () => {
  const book = new MemoryBook(bench.world, 'a');
  const publisher = bench.publisher({ book });
  book.before.renew = () => {
    throw new Failure('STORE_UNAVAILABLE');
  };
  const revision = bench.world.route('a1', host(1), bench.gateway);
  await expect(publisher.publish(revision)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(await bench.edge.files.live()).toBe(0);
  expect((await bench.get(host(1))).status).toBe(421);

  book.before = {};
  expect(await publisher.publish(revision)).toMatchObject({ state: 'live', generation: 2 });
  expect((await bench.get(host(1))).status).toBe(200);
});
