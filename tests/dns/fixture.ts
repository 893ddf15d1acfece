import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownedNames, type OwnedName } from '../../drivers/dns/ownership';
import { PowerDnsZone } from '../../drivers/dns/powerdns';
import { writeSecret } from '../../drivers/secrets/files';
import { freePort } from '../../environment/ports';
import { startPowerDns, type PowerDnsOptions } from '../../environment/powerdns';
import type { Component } from '../../environment/process';

export const zoneName = 'example.test';

/** A PowerDNS of a test's own, with the client that a worker would have. */
export class TestDns {
  component!: Component;
  private readonly clients: PowerDnsZone[] = [];

  private constructor(readonly options: PowerDnsOptions) {}

  static async start(): Promise<TestDns> {
    const directory = await mkdtemp(join(tmpdir(), 'gatewright-dns-'));
    await writeSecret(directory, 'key', 'canary-key');
    const dns = new TestDns({
      directory,
      apiPort: await freePort(),
      dnsPort: await freePort(),
      apiKey: 'canary-key',
      zone: zoneName,
      logFile: join(directory, 'pdns.log'),
    });
    await dns.restart();
    return dns;
  }

  get dnsAddress(): string {
    return `127.0.0.1:${this.options.dnsPort}`;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.options.apiPort}`;
  }

  async restart(): Promise<void> {
    this.component = await startPowerDns(this.options);
  }

  zone(access: { name?: string; apiUrl?: string; apiKeyFile?: string } = {}): PowerDnsZone {
    const zone = new PowerDnsZone({
      name: zoneName,
      apiUrl: this.apiUrl,
      apiKeyFile: join(this.options.directory, 'key'),
      ...access,
    });
    this.clients.push(zone);
    return zone;
  }

  /** Everything the zone holds for organizations. */
  async names(): Promise<OwnedName[]> {
    return ownedNames(await this.zone().list());
  }

  /** What stands at one name, as `TYPE content` lines. */
  async at(hostname: string): Promise<string[]> {
    const sets = (await this.zone().read([hostname])).get(hostname)!;
    return sets.flatMap(({ type, records }) => records.map(({ content }) => `${type} ${content}`)).sort();
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map(async (client) => await client.close()));
    await this.component.kill();
    await rm(this.options.directory, { recursive: true, force: true });
  }
}

/** A name that no other test uses, with an owner. */
export function someName(): { hostname: string; ip: string; owner: string } {
  return { hostname: `org-${randomUUID()}.${zoneName}`, ip: '127.0.0.1', owner: randomUUID() };
}

/** How many of the promises failed, by code. */
export async function failureCodes(work: readonly Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(work);
  return results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code: string }).code] : []));
}
