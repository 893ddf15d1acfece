import { Failure } from './failures';
import { printable } from './hostname';

/** Where a gateway replica answers: a literal IPv4 address and a port. */
export interface Address {
  readonly ip: string;
  readonly port: number;
}

/** A network in CIDR notation, as in `127.0.2.0/24`. */
export interface Network {
  readonly base: number;
  readonly bits: number;
}

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);

/**
 * Reads a canonical dotted-quad address; `127.1`, `0177.0.0.1`, `2130706433` and IPv6-mapped forms, which resolvers
 * take for loopback, are not read.
 * @returns the address as an unsigned 32-bit number.
 * @throws Failure ADDRESS_REFUSED
 */
export function ipv4(value: unknown): number {
  const match = typeof value === 'string' ? IPV4.exec(value) : null;
  if (!match) throw new Failure('ADDRESS_REFUSED', `not a literal IPv4 address: ${printable(value)}`);
  return match.slice(1).reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/**
 * Reads `ip:port` and checks it against the networks that gateways may live in.
 * @throws Failure ADDRESS_REFUSED
 */
export function address(value: unknown, allowed: readonly Network[]): Address {
  const match = typeof value === 'string' ? /^([0-9.]{7,15}):([1-9][0-9]{0,4})$/.exec(value) : null;
  if (!match) throw new Failure('ADDRESS_REFUSED', `not an address of the form ip:port: ${printable(value)}`);
  const [, ip, port] = match;
  const number = ipv4(ip);
  if (Number(port) > 65535) throw new Failure('ADDRESS_REFUSED', `not a port: ${printable(port)}`);
  if (!allowed.some((network) => contains(network, number)))
    throw new Failure('ADDRESS_REFUSED', `${ip} is outside the networks that gateways may live in`);
  return { ip: ip!, port: Number(port) };
}

/** The canonical text of an address, the only form that is ever written into a configuration. */
export function formatAddress({ ip, port }: Address): string {
  return `${ip}:${port}`;
}

/**
 * Reads a network in CIDR notation.
 * @throws Failure INVALID_INPUT, ADDRESS_REFUSED
 */
export function network(value: unknown): Network {
  const match = typeof value === 'string' ? /^([0-9.]{7,15})\/([0-9]|[12][0-9]|3[0-2])$/.exec(value) : null;
  if (!match) throw new Failure('INVALID_INPUT', `not a network of the form 10.0.0.0/8: ${printable(value)}`);
  return { base: ipv4(match[1]), bits: Number(match[2]) };
}

/** Whether `ip` (unsigned 32-bit) lies in the network. */
export function contains({ base, bits }: Network, ip: number): boolean {
  const size = 2 ** (32 - bits);
  return Math.floor(base / size) === Math.floor(ip / size);
}
