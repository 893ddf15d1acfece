import { Resolver } from 'node:dns/promises';
import { Failure } from '../../domain/failures';

/**
 * Asks one DNS server for the IPv4 addresses of a name.
 * @param dnsAddress `ip:port` of the server.
 * @returns the addresses, none when the name or its A record does not exist.
 * @throws Failure DNS_UNAVAILABLE when the server does not answer or refuses.
 */
export async function resolveA(dnsAddress: string, hostname: string, timeoutMs = 1_000): Promise<string[]> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  resolver.setServers([dnsAddress]);
  try {
    return await resolver.resolve4(hostname);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw new Failure('DNS_UNAVAILABLE', `the DNS server at ${dnsAddress} does not answer for ${hostname} (${code})`);
  }
}
