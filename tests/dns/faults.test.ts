import { createClient } from '@libsql/client';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '../../domain/failures';
import { resolveA } from '../../drivers/dns/resolve';
import { ZoneWriter } from '../../drivers/dns/zone-writer';
import { writeSecret } from '../../drivers/secrets/files';
import { startPowerDns } from '../../environment/powerdns';
import { failureCodes, someName, TestDns, zoneName } from './fixture';

let dns: TestDns;
beforeAll(async () => {
  dns = await TestDns.start();
});
afterAll(async () => await dns.stop());

/** Holds SQLite's write lock, as another writer would, while `work` runs; it is given back by `release`. */
async function whileLocked(work: (release: () => Promise<void>) => Promise<void>): Promise<void> {
  const client = createClient({ url: `file:${join(dns.options.directory, 'pdns.sqlite3')}` });
  const lock = await client.transaction('write');
  try {
    await work(async () => await lock.rollback());
  } finally {
    lock.close();
    client.close();
  }
}

describe('a database that is locked', () => {
  test('for a moment: the write is repeated', async () => {
    const zone = dns.zone();
    const answers: unknown[] = [];
    const writer = new ZoneWriter(
      {
        name: zone.name,
        read: zone.read.bind(zone),
        patch: async (changes, timeoutMs) => await zone.patch(changes, timeoutMs).catch(tell),
      },
      { ttl: 60, deadlineMs: 20_000 },
    );
    const name = someName();
    let unlock: () => Promise<void>;
    const tell = async (error: Failure): Promise<never> => {
      answers.push(error.data['status']);
      await unlock();
      throw error;
    };
    await whileLocked(async (release) => {
      unlock = release;
      await writer.register(name);
    });
    expect(answers).toEqual([500]);
    expect(await dns.at(name.hostname)).toHaveLength(2);
  });

  test('for longer: it is told as unavailable, and nothing is there', async () => {
    const name = someName();
    await whileLocked(async () => {
      const writer = new ZoneWriter(dns.zone(), { ttl: 60, deadlineMs: 60_000 });
      await expect(writer.register(name)).rejects.toMatchObject({
        code: 'DNS_UNAVAILABLE',
        retryable: true,
        data: { status: 500 },
      });
      expect(writer.sent.patches).toBe(5);
    });
    expect(await dns.at(name.hostname)).toEqual([]);
  });
});

describe('the API key', () => {
  test('a wrong one is told with the file to look at, without the key', async () => {
    await writeSecret(dns.options.directory, 'wrong', 'canary-wrong');
    const apiKeyFile = join(dns.options.directory, 'wrong');
    const writer = new ZoneWriter(dns.zone({ apiKeyFile }), { ttl: 60 });
    const error = await writer.register(someName()).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: 'DNS_REFUSED', retryable: false, data: { status: 401 } });
    expect(String(error)).toContain(apiKeyFile);
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('canary-');
  });

  test('a changed one is read again', async () => {
    await writeSecret(dns.options.directory, 'rotated', 'canary-wrong');
    const zone = dns.zone({ apiKeyFile: join(dns.options.directory, 'rotated') });
    await expect(zone.ping()).rejects.toMatchObject({ code: 'DNS_REFUSED' });
    await writeSecret(dns.options.directory, 'rotated', 'canary-key');
    await zone.ping();
  });

  test('a file that is not there', async () => {
    await expect(dns.zone({ apiKeyFile: '/nowhere/key' }).ping()).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
  });
});

test('a zone that PowerDNS does not have', async () => {
  await expect(dns.zone({ name: 'absent.test' }).ping()).rejects.toMatchObject({
    code: 'DNS_REFUSED',
    message: expect.stringContaining('absent.test'),
  });
});

describe('a server that is killed', () => {
  test('in the middle of many writes: all that are repeated are there afterwards, once', async () => {
    const writer = new ZoneWriter(dns.zone(), { ttl: 60 });
    const names = Array.from({ length: 200 }, someName);
    await writer.register(names[0]!);
    const first = names.map(async (name, index) => {
      await sleep(index % 50);
      await writer.register(name);
    });
    await sleep(25);
    dns.component.signal('SIGKILL');
    await dns.component.ended;
    const codes = await failureCodes(first);
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set(['DNS_UNAVAILABLE']));
    await expect(resolveA(dns.dnsAddress, names[0]!.hostname, 200)).rejects.toMatchObject({ code: 'DNS_UNAVAILABLE' });

    await dns.restart();
    await Promise.all(names.map(async (name) => await writer.register(name)));
    const held = new Map((await dns.names()).map((name) => [name.hostname, name]));
    for (const { hostname, ip, owner } of names)
      expect(held.get(hostname)).toEqual({ hostname, addresses: [ip], owner });
    expect(await resolveA(dns.dnsAddress, names[0]!.hostname)).toEqual(['127.0.0.1']);
  });

  test('its port, taken by somebody else, is named', async () => {
    await expect(startPowerDns(dns.options)).rejects.toMatchObject({
      message: expect.stringContaining(`:${dns.options.apiPort} is in use`),
    });
  });
});

test('a write that was held up in the server is not overtaken by the removal that follows', async () => {
  const zone = dns.zone();
  const name = someName();
  let stopped = false;
  const writer = new ZoneWriter(
    {
      name: zone.name,
      read: zone.read.bind(zone),
      patch: async (changes, timeoutMs) => {
        if (!stopped) dns.component.signal('SIGSTOP');
        stopped = true;
        await zone.patch(changes, timeoutMs);
      },
    },
    { ttl: 60, deadlineMs: 400 },
  );
  try {
    await expect(writer.register(name)).rejects.toMatchObject({ code: 'DNS_UNAVAILABLE' });
    await expect(writer.remove(name)).rejects.toMatchObject({ code: 'DNS_UNAVAILABLE' });
    expect(writer.sent.patches).toBe(1);
    const removal = writer.remove(name);
    dns.component.signal('SIGCONT');
    await removal;
  } finally {
    dns.component.signal('SIGCONT');
  }
  expect(writer.sent.changes).toBe(2); // it was written late, and then removed
  expect(await dns.at(name.hostname)).toEqual([]);
});

describe('something else at the API’s port', () => {
  let server: Server;
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const ping = async (listener: RequestListener): Promise<unknown> => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const zone = dns.zone({ apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    return await zone.read([`org-x.${zoneName}`]).catch((error: unknown) => error);
  };

  test('a page instead of JSON', async () => {
    expect(await ping((_, response) => response.end('<h1>It works</h1>'))).toMatchObject({ code: 'DNS_UNAVAILABLE' });
  });
  test('JSON of another shape', async () => {
    expect(
      await ping((_, response) => response.end('{"rrsets":[{"name":"org-x.example.test.","type":7}]}')),
    ).toMatchObject({ code: 'DNS_UNAVAILABLE' });
  });
  test('a redirect is not followed', async () => {
    let requests = 0;
    const error = await ping((_, response) => {
      requests++;
      response.writeHead(302, { location: dns.apiUrl }).end();
    });
    expect(error).toMatchObject({ code: 'DNS_REFUSED', data: { status: 302 } });
    expect(requests).toBe(1);
  });
  test('a proxy’s error page', async () => {
    const error = await ping((_, response) =>
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>\n\u001b[31mBad'),
    );
    expect(error).toMatchObject({ code: 'DNS_UNAVAILABLE', retryable: true });
    expect((error as Error).message).toMatch(/^[\x20-\x7e]+$/);
  });
  test('an answer without end', async () => {
    const error = await ping((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(error).toMatchObject({ code: 'DNS_UNAVAILABLE', message: expect.stringContaining('more than') });
  });
});
