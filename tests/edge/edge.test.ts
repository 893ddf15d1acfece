import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Edge } from '../../drivers/nginx/edge';
import { freePort } from '../../environment/ports';
import { Bench, host, lines } from './support';

let bench: Bench;
afterEach(() => bench.close());

/** Everything below the edge's directory that Gatewright writes, with its content. */
function written(edge: Edge): Record<string, string> {
  const files = readdirSync(edge.directory, { recursive: true }).map(String).sort();
  const ours = files.filter((file) => /^(nginx\.conf|live|generations\/.*)$/.test(file));
  return Object.fromEntries(
    ours.map((file) => {
      const path = join(edge.directory, file);
      const stat = lstatSync(path);
      return [file, stat.isSymbolicLink() ? readlinkSync(path) : stat.isFile() ? readFileSync(path, 'utf8') : ''];
    }),
  );
}

describe('the files of an edge', () => {
  beforeEach(async () => {
    bench = await Bench.open();
  });

  test('preparing makes an edge without hosts, and repeating it changes nothing', async () => {
    const { edge } = bench;
    await edge.prepare();
    const first = written(edge);
    expect(first.live).toBe('generations/0');
    expect(first['generations/0/edge.conf']).toContain('default 0;');
    for (const name of ['.', 'generations', 'run', 'logs', 'tmp', 'generations/0']) {
      expect(statSync(join(edge.directory, name)).mode & 0o777).toBe(0o750);
    }
    await edge.test(0);
    const inode = statSync(join(edge.directory, 'nginx.conf')).ino;
    await edge.prepare();
    expect(written(edge)).toEqual(first);
    expect(statSync(join(edge.directory, 'nginx.conf')).ino).toBe(inode);
  });

  test('a live generation survives preparing; a lost one is replaced by generation 0', async () => {
    const { edge } = bench;
    await edge.prepare();
    await edge.write(3, lines([host(1)], bench.gateway));
    await edge.flip(3);
    await edge.prepare();
    expect(await edge.files.live()).toBe(3);
    rmSync(join(edge.directory, 'generations/3'), { recursive: true });
    expect(await edge.files.intact()).toBe(false);
    await edge.prepare();
    expect(await edge.files.live()).toBe(0);
    expect(await edge.files.intact()).toBe(true);
  });

  test.each(['generations', 'run', 'logs', 'tmp', 'generations/7'])(
    'a symbolic link planted at %s is refused, and nothing is written through it',
    async (name) => {
      const { edge, root } = bench;
      await edge.prepare();
      const elsewhere = join(root, 'elsewhere');
      mkdirSync(elsewhere);
      writeFileSync(join(elsewhere, 'kept'), '');
      rmSync(join(edge.directory, name), { recursive: true, force: true });
      symlinkSync(elsewhere, join(edge.directory, name));
      await expect(edge.write(7, lines([host(1)], bench.gateway))).rejects.toMatchObject({
        code: 'EDGE_CONFIG_REFUSED',
      });
      expect(readdirSync(elsewhere)).toEqual(['kept']);
    },
  );

  test('the edge’s own directory may not be a link, nor `live` a directory', async () => {
    const { edge, root } = bench;
    mkdirSync(join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), edge.directory);
    await expect(edge.prepare()).rejects.toMatchObject({ code: 'EDGE_CONFIG_REFUSED' });
    rmSync(edge.directory);
    await edge.prepare();
    rmSync(join(edge.directory, 'live'));
    mkdirSync(join(edge.directory, 'live'));
    writeFileSync(join(edge.directory, 'live/edge.conf'), 'evil on;');
    await edge.write(1, []);
    await expect(edge.flip(1)).rejects.toMatchObject({ code: 'EDGE_CONFIG_REFUSED' });
    expect(readdirSync(edge.directory).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a `live` link that points anywhere else counts as none and is replaced', async () => {
    const { edge, root } = bench;
    await edge.prepare();
    rmSync(join(edge.directory, 'live'));
    symlinkSync(root, join(edge.directory, 'live'));
    expect(await edge.files.live()).toBeUndefined();
    await edge.write(1, []);
    await edge.flip(1);
    expect(await edge.files.live()).toBe(1);
  });

  test.each([['../../etc'], [-1], ['1'], [1.5]])('no path is made of %p', async (value) => {
    await bench.edge.prepare();
    await expect(bench.edge.write(value as number, [])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(bench.edge.test(value as number)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(bench.edge.flip(value as number)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('a generation is fenced by a higher one and must be written before it is flipped to', async () => {
    const { edge } = bench;
    await edge.prepare();
    for (const generation of [4, 5]) await edge.write(generation, []);
    await expect(edge.flip(6)).rejects.toMatchObject({ code: 'EDGE_CONFIG_REFUSED' });
    await edge.flip(5);
    await expect(edge.flip(4)).rejects.toMatchObject({ code: 'EDGE_FENCED' });
    await expect(edge.files.flipBack(4, 0)).rejects.toMatchObject({ code: 'EDGE_FENCED' });
    expect(await edge.files.live()).toBe(5);
  });

  test('the newest five generations are kept, and those above the live one left alone', async () => {
    const { edge } = bench;
    await edge.prepare();
    for (let generation = 1; generation <= 10; generation++) await edge.write(generation, []);
    await edge.flip(9);
    await edge.files.prune();
    const kept = readdirSync(join(edge.directory, 'generations'))
      .map(Number)
      .sort((a, b) => a - b);
    expect(kept).toEqual([5, 6, 7, 8, 9, 10]);
  });

  test('a path too long for a unix socket is refused at once', () => {
    const directory = `/${'long/'.repeat(30)}`;
    expect(() => new Edge({ ...bench.edge.settings, directory })).toThrow('too long');
  });
});

describe('testing a generation', () => {
  beforeEach(async () => {
    bench = await Bench.started();
  });

  test.each([
    ['an error', 'evil on;\n', 'evil'],
    ['a warning', 'server { listen 127.0.0.1:PORT; server_name _; }\n', 'conflicting server name'],
  ])('%s is refused with nginx’s words, and the live generation stays', async (_, text, words) => {
    const { edge } = bench;
    await edge.write(1, lines([host(1)], bench.gateway));
    const port = edge.settings.httpAddress.split(':')[1]!;
    writeFileSync(join(edge.directory, 'generations/1/edge.conf'), text.replace('PORT', port), { flag: 'a' });
    await expect(edge.test(1)).rejects.toMatchObject({
      code: 'EDGE_CONFIG_REFUSED',
      message: expect.stringContaining(words),
    });
    expect(await edge.files.live()).toBe(0);
    expect(await edge.presence()).toMatchObject({ state: 'up', generation: 0 });
  });

  test('it touches neither the pid file nor the sockets nor the logs of the nginx that runs', async () => {
    const { edge } = bench;
    const before = readFileSync(join(edge.directory, 'run/nginx.pid'), 'utf8');
    await edge.write(1, lines([host(1)], bench.gateway));
    await edge.test(1);
    expect(readFileSync(join(edge.directory, 'run/nginx.pid'), 'utf8')).toBe(before);
    expect(await edge.presence()).toMatchObject({ state: 'up', generation: 0 });
    expect(readdirSync(join(edge.directory, 'logs'))).toEqual(['error.log']);
  });

  test('an nginx that is not there is said so', async () => {
    const edge = new Edge({ ...bench.edge.settings, nginx: '/nowhere/nginx' });
    await expect(edge.test(0)).rejects.toMatchObject({
      code: 'EDGE_CONFIG_REFUSED',
      message: expect.stringContaining('/nowhere/nginx: not found'),
    });
  });

  test.each([10_000])('%i hosts, some of the greatest length, bring no warning', async (count) => {
    const { edge } = bench;
    const long = `${'a'.repeat(63)}.`.repeat(3);
    const hosts = Array.from({ length: count }, (_, number) =>
      number % 10 ? host(number) : `${long}h${number}.example.test`,
    );
    await edge.write(1, lines(hosts, bench.gateway));
    await edge.test(1);
  });
});

test('a reload that nginx takes back is not believed, and the previous generation is proven again', async () => {
  bench = await Bench.started();
  const before = await bench.publisher().publish(bench.world.route('a1', host(1), bench.gateway));
  expect(before.state).toBe('live');

  // The same nginx, told to listen on a port that somebody else has: -t and the signal both succeed.
  const busy = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => busy.listen(port, '127.0.0.1', resolve));
  try {
    const edge = new Edge({ ...bench.edge.settings, httpAddress: `127.0.0.1:${port}` }, { proveMs: 800 });
    const failed = bench.publisher({ edge }).publish(bench.world.route('a2', host(2), bench.gateway));
    await expect(failed).rejects.toMatchObject({
      code: 'EDGE_NOT_LIVE',
      retryable: true,
      message: expect.stringMatching(/bind\(\) to .* failed .*Address already in use|still serves 1/),
    });
  } finally {
    await new Promise((resolve) => busy.close(resolve));
  }
  expect(await bench.edge.files.live()).toBe(1);
  expect(await bench.edge.presence()).toMatchObject({ state: 'up', generation: 1 });
  expect(bench.world.live.generation).toBe(1);
  expect(bench.world.behind?.reason).toContain('did not become live');
  expect((await bench.get(host(1))).status).toBe(200);
  expect((await bench.get(host(2))).status).toBe(421);
});

test('the candidate of a test is in the generation’s own directory', async () => {
  bench = await Bench.open();
  await bench.edge.prepare();
  expect(existsSync(join(bench.edge.directory, 'generations/0/candidate.conf'))).toBe(true);
});
