import { Exit } from '../exit';
import { fleetApi, type FleetOptions } from '../fleet-api';
import { confirmed, exitOf, newestEvent, settle, stuckFields, untilGone, type ChangeOptions } from '../fleet-change';
import { followGateway, stuckRun } from '../fleet-follow';
import type { FleetEventJson, FleetGatewayJson } from '../fleet-shapes';
import { fleetColour, gatewaysTable, gatewayText, stateOf } from '../fleet-text';
import { gatewayView, subjectOf } from '../fleet-view';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';
import { table, type Column } from '../table';
import { count, fields, moment } from '../text';

export interface DeleteOptions extends FleetOptions, ChangeOptions {
  readonly yes?: boolean;
}
export interface ScaleOptions extends FleetOptions, ChangeOptions {
  readonly force?: boolean;
}
export interface EventsOptions extends FleetOptions {
  readonly limit: number;
}

/** `gatewright gateway list` */
export async function list(io: Io, options: FleetOptions): Promise<Exit> {
  const gateways = await fleetApi(io, options).gateways();
  if (options.output === 'json') printJson(io, { gateways });
  else if (gateways.length === 0) io.out('No gateways. gatewright apply -f FILE makes one.\n');
  else io.out(gatewaysTable(io, gateways));
  return Exit.ok;
}

/** `gatewright gateway get NAME` */
export async function get(io: Io, options: FleetOptions, name: string): Promise<Exit> {
  const gateway = await fleetApi(io, options).gateway(name);
  if (options.output === 'json') printJson(io, gateway);
  else io.out(gatewayText(io, gateway));
  return Exit.ok;
}

/** `gatewright gateway watch NAME` */
export async function watch(io: Io, options: FleetOptions, name: string): Promise<Exit> {
  const api = fleetApi(io, options);
  const gateway = await api.gateway(name);
  const after = await newestEvent(api);
  const view = gatewayView(io, name, options.output, { timed: false });
  try {
    const ended = await followGateway(io, { api, gateway, after, view, over: (now) => now.gateway === null });
    const stuck = stuckFields(ended);
    if (options.output === 'json') printJson(io, { type: 'end', state: ended.gateway?.state ?? 'deleted' });
    else if (stuck.length > 0) io.out(`\n${fields(io, stuck)}`);
    return stuckRun(ended) ? Exit.needsAttention : Exit.ok;
  } catch (error) {
    // Whoever watches leaves when there is enough seen.
    if (error instanceof CliProblem && error.exit === Exit.interrupted) return Exit.ok;
    throw error;
  }
}

/** `gatewright gateway delete NAME` */
export async function remove(io: Io, options: DeleteOptions, name: string): Promise<Exit> {
  const api = fleetApi(io, options);
  const json = options.output === 'json';
  const present = await api.gateway(name);
  if (!json) io.out(`Gateway ${name} will be deleted with its ${machines(present)}.\n`);
  if (!(await confirmed(io, 'Delete it?', options))) return Exit.failed;
  const after = await newestEvent(api);
  const marked = await api.client.delete<FleetGatewayJson>(api.path('gateways', name));
  if (!options.wait) {
    if (json) printJson(io, marked);
    else
      io.out(
        fields(io, [
          ['gateway', name],
          ['state', stateOf(marked), fleetColour(marked.state)],
          ['follow it', `gatewright gateway watch ${name}`],
        ]),
      );
    return Exit.ok;
  }
  if (!json) io.out('\n');
  const ended = await untilGone(io, api, marked, { after, silent: json });
  const gone = ended.gateway === null;
  if (json) printJson(io, ended.gateway ?? { id: marked.id, name, state: 'deleted' });
  else
    io.out(
      `\n${fields(io, [['gateway', name], ['state', gone ? 'deleted' : stateOf(ended.gateway), gone ? 'green' : undefined], ...stuckFields(ended)])}`,
    );
  return gone ? Exit.ok : exitOf(ended);
}

function machines({ replicas }: FleetGatewayJson): string {
  return replicas.length === 1 ? 'replica' : count(replicas.length, 'replica');
}

/** `gatewright gateway scale NAME REPLICAS` */
export async function scale(io: Io, options: ScaleOptions, name: string, replicas: string): Promise<Exit> {
  const api = fleetApi(io, options);
  const after = await newestEvent(api);
  const path = `${api.path('gateways', name)}/scale`;
  const { body } = await api.client.post<FleetGatewayJson>(path, {
    body: { replicas: Number(replicas), ...(options.force && { force: true }) },
  });
  return await settle(io, api, body, { ...options, after });
}

/** `gatewright gateway events [NAME]` */
export async function events(io: Io, options: EventsOptions, name?: string): Promise<Exit> {
  const api = fleetApi(io, options);
  if (name !== undefined) await api.gateway(name);
  const found = (await api.latestEvents(options.limit, name)).reverse();
  if (options.output === 'json') printJson(io, { events: found });
  else if (found.length === 0) io.out('Nothing has happened yet.\n');
  else io.out(eventsTable(io, found));
  return Exit.ok;
}

function eventsTable(io: Io, all: readonly FleetEventJson[]): string {
  const columns: Column<FleetEventJson>[] = [
    { head: 'when', cell: ({ recorded_at }) => moment(recorded_at) },
    { head: 'what', cell: subjectOf },
    { head: 'happened', cell: ({ message }) => message },
    { head: 'by', spare: 1, cell: ({ actor }) => actor ?? '' },
  ];
  return table(io, all.some(({ actor }) => actor !== null) ? columns : columns.slice(0, -1), all);
}
