import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { lookup } from 'node:dns';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';

/*
 * IANA special-purpose registries (RFC 6890 and its updates): what is not public, and could be a service of the host
 * or network that this process runs in.
 */
const IPV4_RESERVED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Outside 2000::/3 nothing is public; inside, these embed or stand for other addresses. */
const IPV6_PUBLIC = '2000::/3';
const IPV6_RESERVED = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** Decides where webhooks may go: to public addresses, and to those of the networks that the settings name. */
export class Targets {
  private readonly reserved4 = blockList('ipv4', IPV4_RESERVED);
  private readonly public6 = blockList('ipv6', [IPV6_PUBLIC]);
  private readonly reserved6 = blockList('ipv6', IPV6_RESERVED);
  private readonly allowed4: BlockList;

  /** @param networks CIDR networks of IPv4 that are allowed beside public ones. */
  constructor(networks: readonly string[]) {
    this.allowed4 = blockList('ipv4', networks);
  }

  /**
   * Reads an address that a user gave.
   * @throws Failure ADDRESS_REFUSED for anything but http or https without credentials, and for a literal address that
   * is not allowed; a name is checked when it is resolved, each time.
   */
  url(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
      throw new Failure('ADDRESS_REFUSED', `not an http or https address: ${printable(text)}`);
    if (url.username !== '' || url.password !== '')
      throw new Failure('ADDRESS_REFUSED', 'an address with credentials in it is not allowed');
    // The URL parser has made one form of 127.1, 0177.0.0.1, 2130706433 and the like.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.allows(host)) throw refused(host);
    return url;
  }

  /** Checks where a name leads now. @throws Failure ADDRESS_REFUSED when it does not resolve, or leads inside. */
  async resolve(url: URL): Promise<void> {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0) return;
    await new Promise<void>((resolve, reject) =>
      this.lookup(host, { all: true }, (error) => {
        if (!error) resolve();
        else reject(error.name === 'Failure' ? error : new Failure('ADDRESS_REFUSED', `${host} does not resolve`));
      }),
    );
  }

  /** A `connect.lookup` that refuses a name if any of its addresses is not allowed. Literals do not come this way. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true, verbatim: true }, (error, addresses) => {
      if (error) return callback(error, '');
      const inside = addresses.find(({ address }) => !this.allows(address));
      const first = addresses[0];
      if (inside || !first) return callback(refused(hostname), '');
      if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

  /** Whether a literal address may be connected to. */
  allows(ip: string): boolean {
    const mapped = embedded(ip);
    if (mapped !== undefined) return this.allows(mapped);
    if (isIPv6(ip)) return this.public6.check(ip, 'ipv6') && !this.reserved6.check(ip, 'ipv6');
    return isIP(ip) === 4 && (this.allowed4.check(ip) || !this.reserved4.check(ip));
  }
}

/** The IPv4 address inside an IPv4-mapped one. */
function embedded(ip: string): string | undefined {
  if (!isIPv6(ip)) return undefined;
  const canonical = new URL(`http://[${ip.split('%')[0]}]`).hostname.slice(1, -1);
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!match) return undefined;
  const [high, low] = [parseInt(match[1]!, 16), parseInt(match[2]!, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function refused(host: string): Failure {
  return new Failure('ADDRESS_REFUSED', `${printable(host)} is not a public address, nor one that webhooks may go to`);
}

function blockList(family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [base, bits] = network.split('/');
    list.addSubnet(base!, Number(bits), family);
  }
  return list;
}
