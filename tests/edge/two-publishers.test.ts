import { Edge } from '../../drivers/nginx/edge';
import { MemoryBook } from './memory-book';
import { Bench, host, until } from './support';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.started();
});
afterEach(() => bench.close());

function pair(): { a: MemoryBook; b: MemoryBook } {
  return { a: new MemoryBook(bench.world, 'a'), b: new MemoryBook(bench.world, 'b') };
}

/** The flips that an edge was asked for. */
function flips(edge: Edge): number[] {
  const seen: number[] = [];
  const flip = edge.flip.bind(edge);
  edge.flip = async (generation) => {
    seen.push(generation);
    await flip(generation);
  };
  return seen;
}

test('both publish to one edge, one at a time, and every route is served', async () => {
  const books = pair();
  const [first, second] = [books.a, books.b].map((book) =>
    bench.publisher({ book, edge: new Edge(bench.edge.settings) }),
  );
  const published = await Promise.all(
    Array.from({ length: 40 }, async (_, number) => {
      await new Promise((resolve) => setTimeout(resolve, number * 5));
      const publisher = number % 2 ? first! : second!;
      return await publisher.publish(bench.world.route(`a${number}`, host(number), bench.gateway));
    }),
  );
  expect(published.every(({ state }) => state === 'live')).toBe(true);
  const generations = bench.world.published.map(({ generation }) => generation);
  expect(generations).toEqual([...generations].sort((x, y) => x - y));
  expect(generations.length).toBeLessThan(20);
  for (let number = 0; number < 40; number++) expect((await bench.get(host(number))).status).toBe(200);
});

test('one that lost its hold in mid-cycle does not flip, and its caller is answered by the other’s generation', async () => {
  const { a, b } = pair();
  const edge = new Edge(bench.edge.settings);
  const flipped = flips(edge);
  const loser = bench.publisher({ book: a, edge });
  const winner = bench.publisher({ book: b });
  let stolen = false;
  let other: Promise<unknown> | undefined;
  a.before.renew = () => {
    if (stolen) return;
    stolen = true;
    bench.world.steal('b');
    other = winner.publish(bench.world.route('b1', host(2), bench.gateway));
  };

  const published = await loser.publish(bench.world.route('a1', host(1), bench.gateway));

  expect(stolen).toBe(true);
  await other;
  expect(flipped).toEqual([]);
  expect(published).toMatchObject({ state: 'live', generation: 2, revision: 2 });
  expect(bench.world.published.map(({ holder }) => holder)).toEqual(['b']);
  expect(await bench.edge.files.live()).toBe(2);
  expect((await bench.get(host(1))).status).toBe(200);
});

test('one that lost its hold before it could record leaves the edge to the other', async () => {
  const { a, b } = pair();
  const loser = bench.publisher({ book: a });
  a.before.record = () => {
    if (bench.world.hold?.holder === 'a') bench.world.steal('b');
  };
  const pending = loser.publish(bench.world.route('a1', host(1), bench.gateway));
  await until(() => bench.world.hold?.holder === 'b');
  expect(bench.world.published).toEqual([]);
  await bench.publisher({ book: b }).publish(bench.world.route('b1', host(2), bench.gateway));
  expect(await pending).toMatchObject({ state: 'live', generation: 2 });
  expect(a.fullReads).toBe(2);
});

test('one that was stopped until its hold ran out does not signal', async () => {
  const book = new MemoryBook(bench.world, 'a', 100);
  const edge = new Edge(bench.edge.settings);
  const signals: number[] = [];
  const { signal, flip } = { signal: edge.signal.bind(edge), flip: edge.flip.bind(edge) };
  edge.signal = () => {
    signals.push(bench.world.claimed);
    return signal();
  };
  let slow = true;
  edge.flip = async (generation) => {
    await flip(generation);
    if (slow) await until(() => bench.world.hold!.expiresAt.getTime() <= Date.now());
    slow = false;
  };
  const published = await bench.publisher({ book, edge }).publish(bench.world.route('a1', host(1), bench.gateway));
  expect(published.generation).toBe(2);
  expect(signals).toEqual([2]);
});

test('a zombie that comes with a lower number is fenced by the disk alone', async () => {
  await bench.publisher().publish(bench.world.route('a1', host(1), bench.gateway));
  await bench
    .publisher({ book: new MemoryBook(bench.world, 'a') })
    .publish(bench.world.route('a2', host(2), bench.gateway));
  await bench.edge.write(1, []);
  await expect(bench.edge.flip(1)).rejects.toMatchObject({ code: 'EDGE_FENCED' });
  expect(await bench.edge.files.live()).toBe(2);
});

test('who waits for a holder that does nothing is told in time', async () => {
  bench.world.steal('somebody');
  const waiting = bench.publisher({ standByMs: 150 }).publish(bench.world.route('a1', host(1), bench.gateway));
  await expect(waiting).rejects.toMatchObject({ code: 'EDGE_NOT_LIVE', retryable: true });
  expect(bench.world.claimed).toBe(0);
});

test('a route that the other had to leave out is not called live here', async () => {
  const { a, b } = pair();
  const bad = bench.world.route('a1', host(1), '169.254.169.254:80');
  bench.world.steal('b');
  const waiting = bench.publisher({ book: a }).publish(bad);
  await Promise.all([
    expect(waiting).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' }),
    bench.publisher({ book: b }).publish(bench.world.route('b1', host(2), bench.gateway)),
  ]);
  expect(bench.world.published.map(({ holder }) => holder)).toEqual(['b']);
});

test('two that watch one edge repair it once', async () => {
  const { a, b } = pair();
  const publishers = [a, b].map((book) => bench.publisher({ book, edge: new Edge(bench.edge.settings) }));
  bench.world.route('a1', host(1), bench.gateway);
  const reconciled = await Promise.all(publishers.map((publisher) => bench.reconciler(publisher).reconcile()));
  expect(reconciled.map(({ state }) => state)).toEqual(['repaired', 'repaired']);
  expect(bench.world.published).toHaveLength(1);
});

test('a closed publisher takes nobody, and has given the edge back', async () => {
  const publisher = bench.publisher();
  const pending = publisher.publish(bench.world.route('a1', host(1), bench.gateway));
  await publisher.close();
  expect((await pending).state).toBe('live');
  expect(bench.world.hold).toBeNull();
  await expect(publisher.republish(1, 1)).rejects.toMatchObject({ code: 'EDGE_UNREACHABLE' });
});
