import type { EventTarget, FleetEvent } from '../../domain/fleet/gateway';
import { isLive } from '../../domain/fleet/lifecycle';
import type { Caller } from '../access';
import type { GatewayWithReplicas } from '../fleet/asked';
import { revisionOf, shownBackend, shownConfiguration } from './configuration';
import { projectId, stableUuid } from './ids';
import type { ClientVersion } from './version';

/** A gateway as dstack's clients read it. */
export function gatewayView(
  { gateway, replicas }: GatewayWithReplicas,
  project: string,
  version: ClientVersion,
): Record<string, unknown> {
  return {
    id: gateway.id,
    name: gateway.name,
    project_name: project,
    configuration: shownConfiguration(gateway.configuration, gateway.isDefault, version),
    created_at: gateway.createdAt.toISOString(),
    status: gateway.state,
    status_message: forTables(gateway.statusMessage),
    hostname: null,
    wildcard_domain: gateway.wildcardDomain,
    default: gateway.isDefault,
    // A client shows every one as a line of its own, also those that are no more.
    replicas: replicas.filter(isLive).map((replica) => ({
      replica_num: replica.num,
      created_at: replica.createdAt.toISOString(),
      status: replica.state,
      hostname: replica.serves?.replace(/:\d+$/, '') ?? null,
      backend: shownBackend(replica.backend),
      region: replica.region,
      status_message: forTables(replica.statusMessage),
    })),
    ip_address: null,
    instance_id: revisionOf(gateway),
  };
}

/** A message for clients that print it with rich, which takes `[/x]` for markup, and ends at markup that is broken. */
function forTables(message: string | null): string | null {
  return message && message.replace(/(\\*)\[(?=[a-z#/@][^[]*?\])/g, '$1$1\\[');
}

/** The user that a token is. */
export function userView(caller: Caller): Record<string, unknown> {
  return {
    id: stableUuid('user', caller.id),
    username: caller.name,
    global_role: caller.scope === 'admin' ? 'admin' : 'user',
    active: true,
    permissions: { can_create_projects: false },
  };
}

/** The project that an organization is. */
export function projectView(caller: Caller, project: string, backends: readonly string[]): Record<string, unknown> {
  return {
    project_id: projectId(project),
    project_name: project,
    owner: userView(caller),
    backends: [...new Set(backends.map(shownBackend))].map((name) => ({ name, config: { type: name } })),
    members: [],
  };
}

/** An event as dstack's clients read it. */
export function eventView(event: FleetEvent): Record<string, unknown> {
  return {
    id: event.id,
    message: event.message,
    recorded_at: event.recordedAt.toISOString(),
    ...(event.actor !== null && {
      actor_user_id: actorId(event.actor),
      // What events name is the token with its id; people know it by its name.
      actor_user: event.actor.replace(/ \([^()]*\)$/, ''),
      is_actor_user_deleted: false,
    }),
    targets: event.targets.map((target) => targetView(target, event.organizationId)),
  };
}

/** The user behind an event: the token whose id is in brackets. */
export function actorId(actor: string): string {
  return stableUuid('user', /\(([^()]*)\)$/.exec(actor)?.[1] ?? actor);
}

function targetView({ type, id, name }: EventTarget, organizationId: string): Record<string, unknown> {
  return {
    type,
    project_id: projectId(organizationId),
    project_name: organizationId,
    is_project_deleted: false,
    id: type === 'project' ? projectId(id) : id,
    name,
  };
}
