import { Agent } from 'undici';
import { z } from 'zod';
import { Failure } from '../../domain/failures';
import { hostname, printable } from '../../domain/hostname';
import type { ZoneSettings } from '../../domain/settings';
import { exchange, type Answered, type Exchange, type Unanswered } from '../http';
import { readSecretFile } from '../secrets/files';

const rrset = z.object({
  name: z.string().max(255),
  type: z.string().max(16),
  ttl: z.number().int(),
  records: z.array(z.object({ content: z.string(), disabled: z.boolean().default(false) })),
});
const rrsets = z.object({ rrsets: z.array(z.unknown()) });

/** The records of one type at one name, as PowerDNS tells them; names end with a dot. */
export type RRset = z.infer<typeof rrset>;

/** One change of a PATCH. */
export type RRsetChange =
  | {
      readonly changetype: 'REPLACE';
      readonly name: string;
      readonly type: string;
      readonly ttl: number;
      readonly records: RRset['records'];
    }
  | { readonly changetype: 'DELETE'; readonly name: string; readonly type: string };

/** The part of {@link ZoneSettings} that the client needs. */
export type ZoneAccess = Pick<ZoneSettings, 'name' | 'apiUrl' | 'apiKeyFile'>;

/** Milliseconds that an answer may take: thousands of times what PowerDNS needs, and less than an attempt of a step. */
const TIMEOUT_MS = 3_000;
const SMALL = 256 * 1024;
/** A zone of 100,000 organizations is about 30 MB. */
const WHOLE_ZONE = 64 * 1024 * 1024;
/** Reads at once; PowerDNS answers no faster with more. */
const READERS = 4;
/** From this many names on, one read of the whole zone may be cheaper than one read for each. */
const MANY = 20;
/** How many record sets of a whole zone are told in the time of one read by name (measured: 10 us against 1.2 ms). */
const PER_READ = 120;

/** One zone of a PowerDNS 4.7 to 5.0, over the part of its HTTP API that those versions share. */
export class PowerDnsZone {
  private readonly dispatcher = new Agent({ connections: 8 });
  private readonly url: string;
  private key: string | undefined;
  private size = 0;

  /** @throws Failure INVALID_INPUT unless the zone's name is a host name. */
  constructor(private readonly access: ZoneAccess) {
    this.url = `${access.apiUrl.replace(/\/$/, '')}/api/v1/servers/localhost/zones/${hostname(access.name)}.`;
  }

  /** The zone's name without a trailing dot. */
  get name(): string {
    return this.access.name;
  }

  /** @throws Failure DNS_UNAVAILABLE, DNS_REFUSED unless the zone is there and the key is right. */
  async ping(): Promise<void> {
    await this.call('GET', '?rrsets=false');
  }

  /**
   * Reads what stands at each of the names (without trailing dots).
   * @throws Failure DNS_UNAVAILABLE, DNS_REFUSED
   */
  async read(names: readonly string[]): Promise<Map<string, RRset[]>> {
    if (names.length >= MANY && names.length * PER_READ > this.size) return await this.readWhole(names);
    const found = new Map<string, RRset[]>();
    const waiting = [...names];
    const reader = async (): Promise<void> => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop())
        found.set(
          name,
          parse(await this.call('GET', `?rrset_name=${encodeURIComponent(name)}.`), (set) => set.name === `${name}.`),
        );
    };
    await Promise.all(Array.from({ length: Math.min(READERS, names.length) }, reader));
    return found;
  }

  /** Every record set of the zone, the zone's own included. @throws Failure DNS_UNAVAILABLE, DNS_REFUSED */
  async list(): Promise<RRset[]> {
    const all = parse(await this.call('GET', '', { limit: WHOLE_ZONE, timeoutMs: 10_000 }), () => true);
    this.size = all.length;
    return all;
  }

  /**
   * Makes all changes or none.
   * @param timeoutMs milliseconds to wait for the answer.
   * @throws Failure DNS_UNAVAILABLE (data.settled: whether the change can no longer happen), DNS_REFUSED (data.status).
   */
  async patch(changes: readonly RRsetChange[], timeoutMs = TIMEOUT_MS): Promise<void> {
    await this.call('PATCH', '', { body: JSON.stringify({ rrsets: changes }), timeoutMs });
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async readWhole(names: readonly string[]): Promise<Map<string, RRset[]>> {
    const found = new Map<string, RRset[]>(names.map((name) => [name, []]));
    for (const set of await this.list()) found.get(set.name.slice(0, -1))?.push(set);
    return found;
  }

  private async call(method: Exchange['method'], query: string, options: Partial<Exchange> = {}): Promise<Answered> {
    const send = async (key: string): Promise<Answered | Unanswered> =>
      await exchange({
        dispatcher: this.dispatcher,
        url: this.url + query,
        method,
        headers: { 'X-API-Key': key, accept: 'application/json', 'content-type': 'application/json' },
        timeoutMs: TIMEOUT_MS,
        limit: SMALL,
        ...options,
      });
    const key = (this.key ??= await readSecretFile(this.access.apiKeyFile));
    let answer = await send(key);
    if (answer.kind === 'answered' && answer.status === 401) {
      // The key may have been changed since it was read.
      this.key = await readSecretFile(this.access.apiKeyFile);
      if (this.key !== key) answer = await send(this.key);
    }
    return accepted(answer, this.access);
  }
}

function parse(answer: Answered, wanted: (set: { name: string }) => boolean): RRset[] {
  try {
    const sets = rrsets.parse(JSON.parse(answer.text)).rrsets as { name: string }[];
    return sets.filter(wanted).map((set) => rrset.parse(set));
  } catch (error) {
    throw new Failure('DNS_UNAVAILABLE', 'what answers at the API of PowerDNS is not PowerDNS', {
      cause: error,
      data: { settled: true },
    });
  }
}

function accepted(answer: Answered | Unanswered, { name, apiUrl, apiKeyFile }: ZoneAccess): Answered {
  if (answer.kind !== 'answered')
    // A refused request was never read, and one that was reset died with its server; only silence leaves it open.
    throw new Failure('DNS_UNAVAILABLE', `PowerDNS at ${apiUrl}: ${answer.message}`, {
      data: { settled: answer.kind !== 'timeout' },
    });
  const { status } = answer;
  if (status === 200 || status === 204) return answer;
  const data = { status, settled: true };
  if (status >= 500) throw new Failure('DNS_UNAVAILABLE', `PowerDNS answered ${status}: ${reason(answer)}`, { data });
  if (status === 401)
    throw new Failure('DNS_REFUSED', `PowerDNS refuses the API key; check the one in ${apiKeyFile}`, { data });
  if (status === 404) throw new Failure('DNS_REFUSED', `PowerDNS has no zone ${name}`, { data });
  throw new Failure('DNS_REFUSED', `PowerDNS answered ${status}: ${reason(answer)}`, { data });
}

/** PowerDNS gives its reason as JSON where the request was understood, and a plain word or a page where it was not. */
function reason({ contentType, text }: Answered): string {
  if (!/^application\/json\b/.test(contentType)) return printable(text.trim());
  try {
    return printable(z.object({ error: z.string() }).parse(JSON.parse(text)).error);
  } catch {
    return 'no reason';
  }
}
