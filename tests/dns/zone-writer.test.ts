import { Failure } from '../../domain/failures';
import type { PowerDnsZone } from '../../drivers/dns/powerdns';
import { resolveA } from '../../drivers/dns/resolve';
import { ZoneWriter } from '../../drivers/dns/zone-writer';
import { failureCodes, someName, TestDns, zoneName } from './fixture';

let dns: TestDns;
let zone: PowerDnsZone;
let writer: ZoneWriter;

beforeAll(async () => {
  dns = await TestDns.start();
});
afterAll(async () => await dns.stop());
beforeEach(() => {
  zone = dns.zone();
  writer = new ZoneWriter(zone, { ttl: 60 });
});

const ours = ({ ip, owner }: { ip: string; owner: string }): string[] => [
  `A ${ip}`,
  `TXT "heritage=gatewright,owner=${owner}"`,
];

async function byHand(hostname: string, type: string, ...contents: string[]): Promise<void> {
  const records = contents.map((content) => ({ content, disabled: false }));
  await zone.patch([{ changetype: 'REPLACE', name: `${hostname}.`, type, ttl: 60, records }]);
}

describe('registering', () => {
  test('writes the address and its owner, and the name resolves', async () => {
    const name = someName();
    await writer.register(name);
    expect(await dns.at(name.hostname)).toEqual(ours(name));
    expect(await resolveA(dns.dnsAddress, name.hostname)).toEqual([name.ip]);
    expect(await dns.names()).toContainEqual({ hostname: name.hostname, addresses: [name.ip], owner: name.owner });
  });

  test('adopts what the same owner has, without writing', async () => {
    const name = someName();
    await writer.register(name);
    const { patches } = writer.sent;
    await writer.register(name);
    expect(writer.sent.patches).toBe(patches);
  });

  test('moves the name of the same owner to another address', async () => {
    const name = someName();
    await writer.register(name);
    await writer.register({ ...name, ip: '127.0.0.7' });
    expect(await dns.at(name.hostname)).toEqual(ours({ ...name, ip: '127.0.0.7' }));
  });

  test('refuses a name of another owner and leaves it', async () => {
    const name = someName();
    await writer.register(name);
    const other = { ...name, owner: someName().owner };
    await expect(writer.register(other)).rejects.toMatchObject({
      code: 'DNS_OWNED_BY_ANOTHER',
      message: expect.stringContaining(name.owner),
    });
    expect(await dns.at(name.hostname)).toEqual(ours(name));
  });

  test.each([
    ['A', '10.0.0.1'],
    ['AAAA', '2001:db8::1'],
    ['CNAME', `www.${zoneName}.`],
    ['TXT', '"v=spf1 -all"'],
  ])('refuses a name at which somebody else has put a %s record', async (type, content) => {
    const name = someName();
    await byHand(name.hostname, type, content);
    await expect(writer.register(name)).rejects.toMatchObject({ code: 'DNS_OWNED_BY_ANOTHER' });
    await writer.remove(name);
    expect(await dns.at(name.hostname)).toEqual([`${type} ${content}`]);
  });

  test('asks the guard just before it writes, and writes nothing against its word', async () => {
    const name = someName();
    const late = writer.register(name, async () => await Promise.reject(new Failure('ALLOCATION_GONE')));
    await expect(late).rejects.toMatchObject({ code: 'ALLOCATION_GONE' });
    expect(await dns.at(name.hostname)).toEqual([]);
  });
});

describe('removing', () => {
  test('takes both records away, and repeating it changes nothing', async () => {
    const name = someName();
    await writer.register(name);
    await writer.remove(name);
    expect(await dns.at(name.hostname)).toEqual([]);
    expect(await resolveA(dns.dnsAddress, name.hostname)).toEqual([]);
    const { patches } = writer.sent;
    await writer.remove(name);
    expect(writer.sent.patches).toBe(patches);
  });

  test('leaves another owner’s name', async () => {
    const name = someName();
    await writer.register(name);
    await writer.remove({ ...name, owner: someName().owner });
    expect(await dns.at(name.hostname)).toEqual(ours(name));
  });

  test('leaves a text that somebody put beside ours', async () => {
    const name = someName();
    await writer.register(name);
    await byHand(name.hostname, 'TXT', '"hello"', `"heritage=gatewright,owner=${name.owner}"`);
    await writer.remove(name);
    expect(await dns.at(name.hostname)).toEqual(['TXT "hello"']);
  });
});

test('a wildcard that somebody put into the zone, which answers for removed names, misleads neither', async () => {
  const name = someName();
  await byHand(`*.${zoneName}`, 'A', '10.9.9.9');
  try {
    await writer.register(name);
    expect(await dns.at(name.hostname)).toEqual(ours(name));
    await writer.remove(name);
    expect(await dns.at(name.hostname)).toEqual([]);
    expect(await resolveA(dns.dnsAddress, name.hostname)).toEqual(['10.9.9.9']);
  } finally {
    await zone.patch([{ changetype: 'DELETE', name: `*.${zoneName}.`, type: 'A' }]);
  }
});

describe('names that are not an organization’s own', () => {
  const { owner, ip, hostname } = someName();
  const label = hostname.split('.')[0]!;
  test.each([
    zoneName,
    `@.${zoneName}`,
    `*.${zoneName}`,
    `ns1.${zoneName}`,
    `_acme-challenge.${zoneName}`,
    `_acme-challenge.${hostname}`,
    `a.${hostname}`,
    `${label}.b.${zoneName}`,
    `${label}.other.test`,
    `${label}.${zoneName}.other.test`,
    `${hostname}.`,
    `${hostname}\n`,
    hostname.toUpperCase(),
    hostname.replace('org-', 'org-0'),
    `org-.${zoneName}`,
    '',
    null as unknown as string,
  ])('%j is refused before any call', async (bad) => {
    const untouched = new ZoneWriter(
      {
        name: zoneName,
        read: async () => await Promise.reject(new Error('was read')),
        patch: async () => await Promise.reject(new Error('was written')),
      },
      { ttl: 60 },
    );
    await expect(untouched.register({ hostname: bad, ip, owner })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(untouched.remove({ hostname: bad, owner })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('so are owners and addresses that are none', async () => {
    await expect(writer.register({ hostname, ip, owner: 'me"' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(writer.register({ hostname, ip: '127.1', owner })).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    expect(await dns.at(hostname)).toEqual([]);
  });
});

describe('many at once', () => {
  test('100 registrations go in few PATCHes, each with one address and one owner', async () => {
    const names = Array.from({ length: 100 }, someName);
    await Promise.all(names.map(async (name) => await writer.register(name)));
    for (const name of names) expect(await dns.at(name.hostname)).toEqual(ours(name));
    expect(writer.sent.changes).toBe(100);
    expect(writer.sent.patches).toBeLessThanOrEqual(2);
    await Promise.all(names.map(async (name) => await writer.remove(name)));
    const left = new Set((await dns.names()).map(({ hostname }) => hostname));
    expect(names.filter(({ hostname }) => left.has(hostname))).toEqual([]);
    expect(writer.sent.patches).toBeLessThanOrEqual(4);
  });

  test('changes of one name happen in the order in which they were asked for', async () => {
    const name = someName();
    const other = { ...name, owner: someName().owner };
    await Promise.all([writer.register(name), writer.remove(name), writer.register(other), writer.remove(name)]);
    expect(await dns.at(name.hostname)).toEqual(ours(other));
    expect(writer.sent.patches).toBe(3);
  });

  test('one refused change fails alone', async () => {
    const names = Array.from({ length: 15 }, someName);
    const bad = names[7]!;
    await byHand(bad.hostname, 'CNAME', `www.${zoneName}.`);
    // PowerDNS itself has to refuse it: the alias is hidden from the writer, as if it had come a moment later.
    const blind = {
      name: zone.name,
      read: async (hostnames: readonly string[]) => {
        const found = await zone.read(hostnames);
        return found.has(bad.hostname) ? found.set(bad.hostname, []) : found;
      },
      patch: zone.patch.bind(zone),
    };
    const alone = new ZoneWriter(blind, { ttl: 60 });
    const results = await Promise.allSettled(names.map(async (name) => await alone.register(name)));
    expect(results.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([7]);
    expect((results[7] as PromiseRejectedResult).reason).toMatchObject({ code: 'DNS_REFUSED', data: { status: 422 } });
    for (const name of names) if (name !== bad) expect(await dns.at(name.hostname)).toEqual(ours(name));
  });
});

describe('writers of several processes', () => {
  test('take turns, so that one name gets one owner', async () => {
    let turn: Promise<unknown> = Promise.resolve();
    const exclusive = async <T>(work: () => Promise<T>): Promise<T> => {
      const mine = turn.then(work);
      turn = mine.catch(() => undefined);
      return await mine;
    };
    const writers = [1, 2, 3].map(() => new ZoneWriter(dns.zone(), { ttl: 60, exclusive }));
    const names = Array.from({ length: 20 }, someName);
    const attempts = names.flatMap((name) =>
      writers.map((each) => ({ each, name: { ...name, owner: someName().owner } })),
    );
    const codes = await failureCodes(attempts.map(async ({ each, name }) => await each.register(name)));
    expect(codes).toEqual(Array.from({ length: 40 }, () => 'DNS_OWNED_BY_ANOTHER'));
    for (const { hostname } of names) expect(await dns.at(hostname)).toHaveLength(2);
  });

  test('without a turn nothing is written, and the failure is told', async () => {
    let refuse = true;
    const exclusive = async <T>(work: () => Promise<T>): Promise<T> => {
      if (refuse) throw new Failure('STORE_UNAVAILABLE');
      return await work();
    };
    const turns = new ZoneWriter(zone, { ttl: 60, exclusive });
    const name = someName();
    await expect(turns.register(name)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(turns.sent.patches).toBe(0);
    refuse = false;
    await turns.register(name);
    expect(await dns.at(name.hostname)).toEqual(ours(name));
  });
});
