import type { FleetEvent } from '../../domain/fleet/gateway';
import type { FleetEventFilter } from '../../prisma/fleet-store';
import type { Store } from '../../prisma/store';
import type { Caller } from '../access';
import { reads, type Call } from './call';
import { projectId } from './ids';
import { eventsBody, foreignFilters, type EventsBody } from './schemas';
import { actorId, eventView } from './views';

/** `events/list`: of every organization that the caller may see, unless a filter says which. */
export function eventCalls(store: () => Store): Call[] {
  return [
    reads('/events/list', eventsBody, async ({ caller, body }) => {
      if (foreignFilters.some((name) => body[name] !== undefined)) return [];
      const organizations = await organizationsOf(store(), caller, body);
      const pages = await Promise.all(organizations.map((each) => page(store(), each, body)));
      const sign = body.ascending ? 1 : -1;
      const events = pages.flat().sort((one, other) => sign * (one.seq - other.seq));
      return events.slice(0, body.limit).map(eventView);
    }),
  ];
}

/** The organizations whose events are asked for, as far as the caller may see them. */
async function organizationsOf({ fleet }: Store, caller: Caller, body: EventsBody): Promise<string[]> {
  const projects = body.target_projects ?? body.within_projects;
  // An organization without a gateway has events only where its id is the project's, or the token is bound to it.
  const gateways = caller.boundTo === null ? await fleet.gateways.all() : [];
  const known = new Set([
    ...(caller.boundTo === null ? [...(projects ?? [])] : [caller.boundTo]),
    ...gateways.map(({ organizationId }) => organizationId),
  ]);
  return [...known].filter((each) => projects === undefined || projects.includes(projectId(each)));
}

/** The first events of an organization that pass the filters, at most as many as are asked for. */
async function page({ fleet: { events } }: Store, organizationId: string, body: EventsBody): Promise<FleetEvent[]> {
  const found: FleetEvent[] = [];
  let filter = await begin(organizationId, body, (id) => events.seqOf(organizationId, id));
  for (;;) {
    const some = await events.page(filter);
    found.push(...some.filter((event) => passes(event, body)));
    if (found.length >= body.limit || some.length < filter.limit) return found.slice(0, body.limit);
    filter = { ...filter, cursor: some.at(-1)!.seq };
  }
}

async function begin(
  organizationId: string,
  body: EventsBody,
  seqOf: (id: string) => Promise<number | null>,
): Promise<FleetEventFilter> {
  const cursor = body.prev_id !== undefined ? await seqOf(body.prev_id) : null;
  const since = body.prev_recorded_at;
  return {
    organizationId,
    ...(body.target_gateways !== undefined && { gateways: body.target_gateways }),
    ...(body.within_gateways !== undefined && { within: body.within_gateways }),
    ...(cursor !== null && { cursor }),
    // A time that names no offset is UTC's, as all the times are that clients get from here.
    ...(since !== undefined &&
      cursor === null && { recordedAt: new Date(/(Z|[+-]\d\d:?\d\d)$/.test(since) ? since : `${since}Z`) }),
    descending: !body.ascending,
    limit: 100,
  };
}

function passes({ targets, actor }: FleetEvent, body: EventsBody): boolean {
  const types = body.include_target_types;
  return (
    (types === undefined || targets.some(({ type }) => types.includes(type))) &&
    (body.target_projects === undefined || targets.some(({ type }) => type === 'project')) &&
    (body.actors === undefined || body.actors.includes(actor === null ? null : actorId(actor)))
  );
}
