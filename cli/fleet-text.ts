import type { FleetGatewayJson, FleetPlanJson, FleetReplicaJson } from './fleet-shapes';
import type { Io } from './io';
import { table, type Column } from './table';
import { age, ago, fields, moment, paint, shorten, tame, type Colour, type Field } from './text';

/** Columns of a machine's id in a table: EC2's whole, the beginning of a container's. */
const MACHINE = 19;

/** The colour of a gateway's or replica's state. */
export function fleetColour(state: FleetGatewayJson['state'] | FleetReplicaJson['state']): Colour | undefined {
  if (state === 'running') return 'green';
  if (state === 'failed') return 'red';
  if (state === 'terminating') return 'yellow';
  return state === 'terminated' ? 'dim' : undefined;
}

/** A gateway's state, and that it is being deleted. */
export function stateOf({ state, deletion_marked_at }: FleetGatewayJson): string {
  return deletion_marked_at === null ? state : `${state}, being deleted`;
}

/** How many of the replicas that are wanted run. */
export function runningOf({ replicas, desired_replicas }: FleetGatewayJson): string {
  return `${replicas.filter(({ state, scale_in }) => state === 'running' && !scale_in).length} of ${desired_replicas}`;
}

/** A value of a configuration as people read it: `default, revision 3`, `a=1, b=2`, `none`. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'object') return String(value);
  if ('revision' in value && 'name' in value) return profileText(value as FleetGatewayJson['profile']);
  if ('type' in value) return Object.values(value).map(String).join(' ');
  const members = Object.entries(value).map(([name, member]) => `${name}=${String(member)}`);
  return members.join(', ') || 'none';
}

/** `web, revision 3`; revision 0 is what is shipped. */
export function profileText({ name, revision }: FleetGatewayJson['profile']): string {
  return revision === 0 ? `${name}, as shipped` : `${name}, revision ${revision}`;
}

/** The gateways of an organization, a line each. */
export function gatewaysTable(io: Io, gateways: readonly FleetGatewayJson[]): string {
  const columns: Column<FleetGatewayJson>[] = [
    { head: 'gateway', cell: ({ name }) => name },
    { head: 'state', cell: stateOf, colour: ({ state }) => fleetColour(state) },
    { head: 'running', align: 'right', cell: runningOf },
    { head: 'backend', cell: ({ configuration }) => valueText(configuration['backend']) },
    { head: 'region', cell: ({ configuration }) => valueText(configuration['region']) },
    { head: 'default', spare: 3, cell: (each) => (each.default ? 'yes' : '') },
    { head: 'profile', spare: 2, cell: ({ profile }) => profileText(profile) },
    { head: 'made', spare: 1, cell: ({ created_at }) => ago(created_at, io.now()) },
  ];
  return table(io, columns, gateways);
}

/** The replicas of gateways, a line each. */
export function replicasTable(io: Io, replicas: readonly FleetReplicaJson[]): string {
  const now = io.now();
  const columns: Column<FleetReplicaJson>[] = [
    { head: 'replica', cell: ({ name }) => name },
    { head: 'state', cell: ({ state }) => state, colour: ({ state }) => fleetColour(state) },
    { head: 'for', align: 'right', cell: (each) => age(sinceOf(each), now) },
    { head: 'serves at', spare: 2, cell: ({ address }) => address ?? '' },
    { head: 'ssh', spare: 4, cell: sshText },
    { head: 'machine', spare: 1, cell: ({ instance_id }) => shorten(instance_id ?? '', MACHINE) },
    { head: 'profile', spare: 3, cell: ({ applied_profile }) => (applied_profile ? profileText(applied_profile) : '') },
    { head: 'why', cell: ({ status_message }) => status_message ?? '', colour: () => 'yellow' },
  ];
  const shown = replicas.some(({ status_message }) => status_message) ? columns : columns.slice(0, -1);
  return table(io, shown, replicas);
}

/** Since when a replica is in its present state, as far as it is known. */
function sinceOf({ state, created_at, running_at, terminated_at }: FleetReplicaJson): string {
  if (state === 'running') return running_at ?? created_at;
  return state === 'terminated' ? (terminated_at ?? created_at) : created_at;
}

function sshText({ ssh }: FleetReplicaJson): string {
  return ssh === null ? '' : `${ssh.user}@${ssh.host}:${ssh.port}`;
}

/** A gateway with everything that is known of it: what it is, what holds of it, its replicas. */
export function gatewayText(io: Io, gateway: FleetGatewayJson): string {
  const now = io.now();
  const { configuration, conditions, replicas } = gateway;
  const at = (time: string | null): string | undefined =>
    time === null ? undefined : `${ago(time, now)}, ${moment(time)}`;
  const optional = (name: string): string | undefined =>
    configuration[name] === null || configuration[name] === undefined ? undefined : valueText(configuration[name]);
  const facts: Field[] = [
    ['gateway', `${gateway.name}${gateway.default ? ' (the default one)' : ''}`],
    ['state', stateOf(gateway), fleetColour(gateway.state)],
    ['why', gateway.status_message ?? undefined, 'red'],
    ['running', runningOf(gateway)],
    ['backend', `${valueText(configuration['backend'])}, ${valueText(configuration['region'])}`],
    ['instance type', optional('instance_type')],
    ['profile', profileText(gateway.profile)],
    [
      'rollout',
      gateway.rollout ? `from ${profileText(gateway.rollout.from)}: gatewright run ${gateway.rollout.run}` : undefined,
    ],
    ['take it back', gateway.rollout ? `gatewright cancel ${gateway.rollout.run}` : undefined],
    ['domain', gateway.wildcard_domain ?? undefined],
    ['certificate', optional('certificate')],
    ['tags', optional('tags')],
    ['made', at(gateway.created_at)],
    ['changed', at(gateway.last_update_at)],
    ['deletion', at(gateway.deletion_marked_at)],
    ['id', gateway.id],
  ];
  const holds: Column<(typeof conditions)[number]>[] = [
    { head: 'condition', cell: ({ type }) => type },
    { head: 'holds', cell: ({ status }) => (status === 'True' ? 'yes' : 'no') },
    { head: 'for', align: 'right', cell: ({ since }) => age(since, now) },
    { head: 'because', cell: ({ message, reason }) => message || reason },
  ];
  const below = replicas.length === 0 ? 'No replicas.\n' : replicasTable(io, replicas);
  return `${fields(io, facts)}\n${table(io, holds, conditions)}\n${below}`;
}

/** A replica with everything that is known of it. */
export function replicaText(io: Io, replica: FleetReplicaJson): string {
  const now = io.now();
  const at = (time: string | null): string | undefined =>
    time === null ? undefined : `${ago(time, now)}, ${moment(time)}`;
  const { generation } = replica;
  const over = replica.state === 'terminating' || replica.state === 'terminated';
  return fields(io, [
    ['replica', `${replica.name}${generation === 1 ? '' : ` (the ${generation}. of this number)`}`],
    ['state', `${replica.state}${replica.scale_in ? ', scaled in' : ''}`, fleetColour(replica.state)],
    ['why', replica.status_message ?? undefined, 'yellow'],
    ['backend', `${replica.backend}, ${replica.region}`],
    ['machine', replica.instance_id ?? undefined],
    ['ssh', sshText(replica) || undefined],
    ['host key', replica.host_key ?? undefined],
    ['serves at', replica.address ?? undefined],
    ['profile', replica.applied_profile ? profileText(replica.applied_profile) : undefined],
    ['made', at(replica.created_at)],
    ['running', at(replica.running_at)],
    ['terminated', at(replica.terminated_at)],
    ['connects', `${replica.connect_attempts} tried`],
    ['ill', replica.health_failures === 0 ? undefined : `${replica.health_failures} checks failed in a row`, 'yellow'],
    ['id', replica.id],
    ['its making', `gatewright run ${replica.runs.provision}`],
    ['its end', over ? `gatewright run ${replica.runs.retire}` : undefined],
    ['its output', `gatewright replica logs ${replica.name}`],
  ]);
}

/** What applying would do, member by member. */
export function planText(io: Io, name: string, plan: FleetPlanJson, replicas: number): string {
  const { action, changes, configuration } = plan;
  if (action === 'create') {
    const given = Object.entries(configuration).filter(
      ([member, value]) => member !== 'name' && member !== 'type' && value !== null,
    );
    const width = Math.max(...given.map(([member]) => member.length));
    const lines = given.map(([member, value]) => `  + ${member.padEnd(width)}  ${valueText(value)}`);
    return `Gateway ${paint(io, 'bold', name)} will be made:\n${coloured(io, lines, 'green')}`;
  }
  if (plan.no_changes) return `Gateway ${paint(io, 'bold', name)} is as it is wanted.\n`;
  const width = Math.max(...changes.map(({ field }) => field.length));
  const lines = changes.map(({ field, from, to, in_place }) => {
    const change = `${field.padEnd(width)}  ${valueText(from)} -> ${valueText(to)}`;
    return in_place ? `  ~ ${change}` : `  ! ${change}  (not in place)`;
  });
  const head =
    action === 'update'
      ? `Gateway ${paint(io, 'bold', name)} will be changed in place:\n`
      : `Gateway ${paint(io, 'bold', name)} cannot be changed in place. It will be deleted with its ${replicas === 1 ? 'replica' : `${replicas} replicas`} and made anew:\n`;
  return `${head}${coloured(io, lines, action === 'update' ? 'yellow' : 'red')}`;
}

function coloured(io: Io, lines: readonly string[], colour: Colour): string {
  return lines.map((line) => `${paint(io, colour, tame(line))}\n`).join('');
}
