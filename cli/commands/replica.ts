import { randomUUID } from 'node:crypto';
import type { JournalEntry } from '../../domain/journal';
import { Exit, exitOf } from '../exit';
import { fleetApi, isNotFound, type FleetOptions } from '../fleet-api';
import { newestEvent, settle, type ChangeOptions } from '../fleet-change';
import type { FleetReplicaJson } from '../fleet-shapes';
import { replicasTable, replicaText } from '../fleet-text';
import { followRun } from '../follow';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';
import { connectionText, paint, tame, words } from '../text';

/** `gatewright replica list [GATEWAY]` */
export async function list(
  io: Io,
  options: FleetOptions & { readonly all?: boolean },
  gateway?: string,
): Promise<Exit> {
  const api = fleetApi(io, options);
  const names = gateway === undefined ? (await api.gateways()).map(({ name }) => name) : [gateway];
  const every = (await Promise.all(names.map((name) => api.replicas(name)))).flat();
  const replicas = options.all ? every : every.filter(({ state }) => state !== 'terminated');
  if (options.output === 'json') printJson(io, { replicas });
  else if (replicas.length === 0) io.out('No replicas.\n');
  else io.out(replicasTable(io, replicas));
  return Exit.ok;
}

/** `gatewright replica get REPLICA` */
export async function get(io: Io, options: FleetOptions, name: string): Promise<Exit> {
  const { replica } = await fleetApi(io, options).replica(name);
  if (options.output === 'json') printJson(io, replica);
  else io.out(replicaText(io, replica));
  return Exit.ok;
}

/** `gatewright replica logs REPLICA` */
export async function logs(io: Io, options: FleetOptions, name: string): Promise<Exit> {
  const api = fleetApi(io, options);
  const { replica } = await api.replica(name);
  const { provision } = replica.runs;
  const json = options.output === 'json';
  try {
    const run = await followRun(io, api.client, provision, {
      entry: (entry, _, raw) => (json ? io.out(`${raw}\n`) : io.out(logLine(io, entry))),
      connection: (up) => io.err(`${connectionText(up)}\n`),
    });
    if (json) printJson(io, { type: 'end', run_id: run.id, state: run.state });
    return exitOf(run.state);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new CliProblem({ title: `${replica.name} has not been begun to be made`, code: 'NOT_FOUND' }, [
      `gatewright replica get ${replica.name}`,
    ]);
  }
}

/** What a step printed as it is; what the run did as a line of its own. */
function logLine(io: Io, entry: JournalEntry): string {
  if (entry.type === 'step.output') return entry.lines.map((line) => `${tame(line)}\n`).join('');
  const text = headline(entry);
  return text === undefined ? '' : `${paint(io, 'dim', `--- ${entry.at.slice(11, 23)}  ${tame(text)}`)}\n`;
}

function headline(entry: JournalEntry): string | undefined {
  switch (entry.type) {
    case 'attempt.started':
      return `${entry.phase === 'undo' ? 'undo ' : ''}${entry.step}${entry.attempt === 1 ? '' : `, attempt ${entry.attempt}`}`;
    case 'attempt.ended':
      return entry.error && `${entry.step}: ${entry.error.code}  ${entry.error.message}`;
    case 'run.state':
      return words(entry.state);
    case 'step.resolved':
      return `${entry.step}: ${entry.resolution.action} by ${entry.resolution.by}: ${entry.resolution.reason}`;
    case 'step.output':
    case 'message.ignored':
      return undefined;
  }
}

/** `gatewright replica replace REPLICA` */
export async function replace(io: Io, options: FleetOptions & ChangeOptions, name: string): Promise<Exit> {
  const api = fleetApi(io, options);
  const { gateway, replica } = await api.replica(name);
  if (replica.state === 'terminated')
    throw new CliProblem({ title: `${name} is over already`, code: 'STATE_CONFLICT', state: replica.state }, [
      `gatewright replica list ${gateway}`,
    ]);
  const after = await newestEvent(api);
  const path = `${api.path('gateways', gateway, 'replicas', String(replica.num))}/replace`;
  const { body } = await api.client.post<FleetReplicaJson>(path, { headers: { 'idempotency-key': randomUUID() } });
  if (!options.wait && options.output === 'json') {
    printJson(io, body);
    return Exit.ok;
  }
  return await settle(io, api, await api.gateway(gateway), { ...options, after });
}
