import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { killGroup } from '../../environment/process';
import { eventually } from '../support/eventually';
import { Bench, host, lines, until } from './support';

let bench: Bench;
afterEach(async () => {
  // Workers whose master was killed are still in its group.
  if (bench.nginx && !bench.nginx.running) killGroup(bench.nginx.pid);
  await bench.close();
});

/** Kills the master alone; its workers go on. */
async function killMaster(): Promise<void> {
  process.kill(bench.nginx!.pid, 'SIGKILL');
  await bench.nginx!.ended;
}

test('with nginx down a publish says so, and what comes up later serves it', async () => {
  bench = await Bench.started();
  const publisher = bench.publisher();
  await publisher.publish(bench.world.route('a1', host(1), bench.gateway));
  await bench.stop();
  bench.world.remove('a1');
  const published = await publisher.publish(bench.world.route('a2', host(2), bench.gateway));
  expect(published).toMatchObject({ state: 'down', generation: 2, reason: expect.stringContaining('not running') });
  expect(bench.world.behind).not.toBeNull();
  expect(bench.world.live.generation).toBe(1);
  expect(await bench.edge.files.live()).toBe(2);

  await bench.start();
  expect((await bench.get(host(1))).status).toBe(421);
  expect((await bench.get(host(2))).status).toBe(200);
  expect(await bench.reconciler(publisher).reconcile()).toMatchObject({ state: 'repaired' });
  expect(bench.world.behind).toBeNull();
  expect(bench.world.live).toEqual({ generation: 3, revision: 3 });
});

test('an edge that is down is prepared once and then left alone', async () => {
  bench = await Bench.open();
  await bench.edge.prepare();
  bench.world.route('a1', host(1), bench.gateway);
  const reconciler = bench.reconciler(bench.publisher());
  expect(await reconciler.reconcile()).toMatchObject({ state: 'down' });
  expect(await reconciler.reconcile()).toMatchObject({ state: 'down' });
  expect(bench.world.claimed).toBe(1);
  expect(bench.world.behind).not.toBeNull();
});

test('while somebody else answers at the address nobody calls the edge down', async () => {
  bench = await Bench.open({ proveMs: 300 });
  await bench.edge.prepare();
  const [address, port] = bench.edge.settings.httpAddress.split(':');
  const stranger = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => stranger.listen(Number(port), address, resolve));
  try {
    const failed = bench.publisher().publish(bench.world.route('a1', host(1), bench.gateway));
    await expect(failed).rejects.toMatchObject({
      code: 'EDGE_NOT_LIVE',
      message: expect.stringContaining('something else'),
    });
    expect(await bench.edge.files.live()).toBe(0);
  } finally {
    await new Promise((resolve) => stranger.close(resolve));
  }
});

test('workers that outlive their master keep a publish from being called done; a restart makes it right', async () => {
  bench = await Bench.started();
  const publisher = bench.publisher();
  await publisher.publish(bench.world.route('a1', host(1), bench.gateway));
  const orphans = bench.edge.processes.children(bench.nginx!.pid);
  expect(orphans.size).toBeGreaterThan(0);
  await killMaster();

  const removed = bench.world.remove('a1');
  await expect(publisher.publish(removed)).rejects.toMatchObject({
    code: 'EDGE_NOT_LIVE',
    message: expect.stringContaining('master is gone'),
  });
  expect((await bench.get(host(1))).status).toBe(200);
  expect(await bench.edge.files.live()).toBe(1);
  expect(bench.world.behind).not.toBeNull();

  await bench.start();
  expect([...orphans].filter((worker) => bench.edge.processes.accepts(worker))).toEqual([]);
  expect(await bench.reconciler(publisher).reconcile()).toMatchObject({ state: 'repaired' });
  expect((await bench.get(host(1))).status).toBe(421);
  expect(bench.world.behind).toBeNull();
});

test('a start clears away what a killed predecessor left, master and all', async () => {
  bench = await Bench.started();
  const first = bench.nginx!;
  await bench.start();
  expect(first.running).toBe(false);
  expect(bench.nginx!.pid).not.toBe(first.pid);
  // A worker that was just forked is called what its master is until it says otherwise.
  await eventually(() => expect(bench.edge.processes.all().filter(({ role }) => role === 'master')).toHaveLength(1));
});

test.each([
  ['the live link', ['live']],
  ['every generation', ['generations']],
  ['the main file', ['nginx.conf']],
  ['link, generations and main file', ['live', 'generations', 'nginx.conf']],
  ['the pid file and the logs', ['run/nginx.pid', 'logs', 'generations']],
])('an edge that lost %s gets it again', async (_, names) => {
  bench = await Bench.started();
  const publisher = bench.publisher();
  const reconciler = bench.reconciler(publisher);
  await publisher.publish(bench.world.route('a1', host(1), bench.gateway));
  await until(() => !publisher.busy);
  expect(await reconciler.reconcile()).toEqual({ state: 'right' });
  for (const name of names) rmSync(join(bench.edge.directory, name), { recursive: true });

  expect(await reconciler.reconcile()).toMatchObject({ state: 'repaired' });
  expect(await bench.edge.files.intact()).toBe(true);
  await until(() => !publisher.busy);
  expect(await reconciler.reconcile()).toEqual({ state: 'right' });
  expect((await bench.get(host(1))).status).toBe(200);
});

test('an edge that was built anew gets every route', async () => {
  bench = await Bench.started();
  const publisher = bench.publisher();
  bench.world.route('a1', host(1), bench.gateway);
  await publisher.publish(bench.world.route('a2', host(2), bench.gateway));
  await bench.stop();
  rmSync(bench.edge.directory, { recursive: true });
  await bench.start();
  expect((await bench.get(host(1))).status).toBe(421);
  expect(await bench.reconciler(publisher).reconcile()).toMatchObject({ state: 'repaired' });
  expect((await bench.get(host(1))).status).toBe(200);
  expect((await bench.get(host(2))).status).toBe(200);
  expect(await bench.edge.files.live()).toBe(2);
});

test('a generation that a publisher left behind between flip and signal is settled', async () => {
  bench = await Bench.started();
  bench.world.claimed = 7;
  await bench.edge.write(7, lines([host(7)], bench.gateway));
  await bench.edge.flip(7);
  const reconciled = await bench.reconciler(bench.publisher()).reconcile();
  expect(reconciled).toMatchObject({ state: 'repaired', problem: expect.stringContaining('7 lies ready') });
  expect(bench.world.live.generation).toBe(8);
  expect((await bench.get(host(7))).status).toBe(421);
});

test('an nginx that stands still is not live; woken up it is repaired', async () => {
  bench = await Bench.started({ proveMs: 400, askMs: 100 });
  const { pid } = bench.nginx!;
  const workers = [...bench.edge.processes.children(pid)];
  const publisher = bench.publisher();
  for (const one of [pid, ...workers]) process.kill(one, 'SIGSTOP');
  try {
    const failed = publisher.publish(bench.world.route('a1', host(1), bench.gateway));
    await expect(failed).rejects.toMatchObject({ code: 'EDGE_NOT_LIVE' });
  } finally {
    for (const one of [pid, ...workers]) process.kill(one, 'SIGCONT');
  }
  await until(() => !publisher.busy);
  expect(await bench.reconciler(publisher).reconcile()).toMatchObject({ state: 'repaired' });
  expect((await bench.get(host(1))).status).toBe(200);
});

test('the watch repairs by itself and ends when told', async () => {
  bench = await Bench.started();
  const publisher = bench.publisher();
  const stop = new AbortController();
  const watching = bench.reconciler(publisher).watch(20, stop.signal);
  bench.world.route('a1', host(1), bench.gateway);
  await until(async () => (await bench.get(host(1))).status === 200);
  await killMaster();
  bench.world.remove('a1');
  await until(() => bench.world.behind);
  await bench.start();
  await until(async () => (await bench.get(host(1))).status === 421);
  await until(() => bench.world.behind === null);
  stop.abort();
  await watching;
});

test('the watch leaves a publish in flight alone', async () => {
  bench = await Bench.started();
  const publisher = bench.publisher();
  const reconciler = bench.reconciler(publisher);
  const published = publisher.publish(bench.world.route('a1', host(1), bench.gateway));
  expect(publisher.busy).toBe(true);
  expect(await reconciler.reconcile()).toEqual({ state: 'busy' });
  await published;
  expect(bench.world.claimed).toBe(1);
});
