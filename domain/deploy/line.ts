import type { QueueTicket } from './contract';

/**
 * A line with another ticket at its end. Whoever is in it stays where it is; whoever has the place already goes before
 * those who wait, because its queue may have been lost meanwhile.
 */
export function joined(line: readonly QueueTicket[], ticket: QueueTicket): readonly QueueTicket[] {
  const known = line.findIndex(({ requestId }) => requestId === ticket.requestId);
  if (known === 0 || (known > 0 && !ticket.holds)) return line;
  const others = left(line, ticket.requestId);
  if (!ticket.holds) return [...others, ticket];
  const behind = others.findIndex(({ holds }) => !holds);
  return behind === -1 ? [...others, ticket] : [...others.slice(0, behind), ticket, ...others.slice(behind)];
}

/** A line without a request. */
export function left(line: readonly QueueTicket[], requestId: string): readonly QueueTicket[] {
  return line.some((ticket) => ticket.requestId === requestId)
    ? line.filter((ticket) => ticket.requestId !== requestId)
    : line;
}
