import { ipv4 } from '../../domain/address';
import { Failure } from '../../domain/failures';
import { gatewayHostname, printable } from '../../domain/hostname';
import { isUuid } from '../../domain/organization';
import type { RRset, RRsetChange } from './powerdns';

/*
 * Every name of ours has an A record and, beside it, a TXT record that says whose it is: PowerDNS has no conditional
 * writes, so the owner record is what a later change is decided on. Both are always changed in one PATCH.
 */

/** What stands at one of our names. */
export interface OwnedName {
  /** Without a trailing dot. */
  readonly hostname: string;
  readonly addresses: readonly string[];
  /** The owner that the TXT record names; null without one. */
  readonly owner: string | null;
}

/** A change that is decided on what stands at the name. */
export type Change =
  | { readonly kind: 'register'; readonly hostname: string; readonly ip: string; readonly owner: string }
  | { readonly kind: 'remove'; readonly hostname: string; readonly owner: string };

const HERITAGE = 'heritage=gatewright,';

/**
 * Refuses every name that is not an organization's own in the zone, before anything is called: the apex, wildcards,
 * `_acme-challenge`, name servers, names further down and other zones.
 * @throws Failure INVALID_INPUT, ADDRESS_REFUSED
 */
export function checkChange(change: Change, zone: string): void {
  const { hostname, owner } = change;
  const organization = typeof hostname === 'string' && /^org-([0-9a-f-]{36})\./.exec(hostname)?.[1];
  if (!organization || !isUuid(organization) || gatewayHostname(organization, zone) !== hostname)
    throw new Failure('INVALID_INPUT', `not the name of a gateway in ${zone}: ${printable(hostname)}`);
  if (!isUuid(owner)) throw new Failure('INVALID_INPUT', `not the id of an allocation: ${printable(owner)}`);
  if (change.kind === 'register') ipv4(change.ip);
}

/**
 * Decides what to write for a change.
 * @param present what stands at the name.
 * @returns nothing when it is done already, or when what stands there is not the owner's to remove.
 * @throws Failure DNS_OWNED_BY_ANOTHER when a name to register is taken.
 */
export function planChange(change: Change, present: readonly RRset[], ttl: number): RRsetChange[] {
  return change.kind === 'register' ? planRegister(change, present, ttl) : planRemove(change, present);
}

/** Whether what is read back is what the change was to bring about. */
export function isDone(change: Change, present: readonly RRset[], ttl: number): boolean {
  try {
    return planChange(change, present, ttl).length === 0;
  } catch {
    return false;
  }
}

function planRegister(
  { hostname, ip, owner }: Change & { kind: 'register' },
  present: readonly RRset[],
  ttl: number,
): RRsetChange[] {
  const wanted = [record(hostname, 'A', ttl, ip), record(hostname, 'TXT', ttl, ownerText(owner))];
  if (present.length === 0) return wanted;
  const txt = contents(present, 'TXT');
  if (txt.length !== 1 || txt[0] !== ownerText(owner) || present.some(({ type }) => type !== 'A' && type !== 'TXT'))
    throw new Failure('DNS_OWNED_BY_ANOTHER', `${hostname} belongs to ${holder(txt)}`);
  return wanted.every((set) => present.some((other) => same(set, other))) ? [] : wanted;
}

function planRemove({ hostname, owner }: Change & { kind: 'remove' }, present: readonly RRset[]): RRsetChange[] {
  const txt = contents(present, 'TXT');
  if (!txt.includes(ownerText(owner))) return [];
  const name = `${hostname}.`;
  const others = present
    .find(({ type }) => type === 'TXT')!
    .records.filter(({ content }) => content !== ownerText(owner));
  // Texts that somebody put beside ours stay; an address that another owner claims, too, is not ours to take away.
  const mine: RRsetChange[] = others.some(({ content }) => content.includes(HERITAGE))
    ? []
    : [{ changetype: 'DELETE', name, type: 'A' }];
  const ttl = present.find(({ type }) => type === 'TXT')!.ttl;
  return others.length === 0
    ? [...mine, { changetype: 'DELETE', name, type: 'TXT' }]
    : [...mine, { changetype: 'REPLACE', name, type: 'TXT', ttl, records: others }];
}

/** The organizations' names in a zone, with what they say: for sweeps and checks. */
export function ownedNames(sets: readonly RRset[]): OwnedName[] {
  const byName = new Map<string, RRset[]>();
  for (const set of sets) if (set.name.startsWith('org-')) byName.set(set.name, [...(byName.get(set.name) ?? []), set]);
  return [...byName].map(([name, present]) => ({
    hostname: name.slice(0, -1),
    addresses: contents(present, 'A'),
    owner:
      contents(present, 'TXT')
        .map(ownerOf)
        .find((owner) => owner !== null) ?? null,
  }));
}

function ownerText(owner: string): string {
  return `"${HERITAGE}owner=${owner}"`;
}

function ownerOf(text: string): string | null {
  return /^"heritage=gatewright,owner=([0-9a-f-]{36})"$/.exec(text)?.[1] ?? null;
}

function holder(txt: readonly string[]): string {
  const owner = txt.map(ownerOf).find((id) => id !== null);
  return owner ? `allocation ${owner}` : 'somebody who is not Gatewright';
}

function contents(present: readonly RRset[], wanted: string): string[] {
  return present.filter(({ type }) => type === wanted).flatMap(({ records }) => records.map(({ content }) => content));
}

function record(hostname: string, type: string, ttl: number, content: string): RRset & { changetype: 'REPLACE' } {
  return { changetype: 'REPLACE', name: `${hostname}.`, type, ttl, records: [{ content, disabled: false }] };
}

function same(one: RRset, other: RRset): boolean {
  return (
    one.type === other.type && one.ttl === other.ttl && JSON.stringify(one.records) === JSON.stringify(other.records)
  );
}
