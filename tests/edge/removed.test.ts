import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { edgeSteps } from '../../activities/gateway/edge';
import type { GatewayPorts } from '../../activities/gateway/ports';
import type { EdgeBook } from '../../drivers/nginx/edge-book';
import type { Publisher } from '../../drivers/nginx/publisher';
import { Reconciler } from '../../drivers/nginx/reconciler';
import type { Store } from '../../prisma/store';
import { edgeBook } from '../../worker/edge-book';
import { openTestStore } from '../api/support/store';
import { Bench, host } from './support';

/* An edge is taken out of the store while a worker still publishes to it. */

let directory: string;
let store: Store;
let bench: Bench;
let book: EdgeBook;
let publisher: Publisher;
let name: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gatewright-removed-'));
  store = await openTestStore(directory);
  bench = await Bench.started();
  name = bench.edge.name;
  book = edgeBook(store, name, 'host/1/2');
  publisher = bench.publisher({ book });
});
afterEach(async () => {
  await bench.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function publish(number: number): Promise<{ state: string; generation: number }> {
  const allocationId = `a${number}`;
  const { revision } = await store.routes.write({ allocationId, hostname: host(number), address: bench.gateway });
  return await publisher.publish(revision);
}

test('its worker registers it again at the next look, above the generation on its disk, and carries every route', async () => {
  const { generation } = await publish(1);
  expect(await store.edges.remove(name)).toBe(true);
  expect(await new Reconciler(publisher, book).reconcile()).toMatchObject({ state: 'repaired' });
  const [again] = await store.edges.list();
  expect(again).toMatchObject({ name, behindSince: null, liveRevision: await store.routes.head() });
  expect(again!.liveGeneration).toBeGreaterThan(generation);
  expect((await publish(2)).state).toBe('live');
  for (const number of [1, 2]) expect((await bench.get(host(number))).status).toBe(200);
});

test.each(['claimGeneration', 'recordLive'] as const)(
  'removed just before %s, the publication begins anew',
  async (at) => {
    await publish(1);
    const real = book[at].bind(book) as (...args: never[]) => Promise<never>;
    let removed = 0;
    Object.assign(book, {
      [at]: async (...args: never[]) => {
        if (removed === 0 && (await store.edges.remove(name))) removed += 1;
        return await real(...args);
      },
    });
    expect((await publish(2)).state).toBe('live');
    expect(removed).toBe(1);
    expect(await store.edges.get(name)).toMatchObject({ liveRevision: await store.routes.head(), behindSince: null });
    for (const number of [1, 2]) expect((await bench.get(host(number))).status).toBe(200);
  },
);

test('what an edge that was removed does not carry is nobody’s failure', async () => {
  const steps = edgeSteps({ store, publishers: new Map() } as unknown as GatewayPorts);
  await store.edges.register('edge-z');
  await steps.noteEdgeBehind({ edge: 'edge-z', reason: 'nobody serves it' });
  expect((await store.edges.get('edge-z'))!.behindReason).toBe('nobody serves it');
  await store.edges.remove('edge-z');
  await steps.noteEdgeBehind({ edge: 'edge-z', reason: 'nobody serves it' });
  expect(await store.edges.get('edge-z')).toBeNull();
});
