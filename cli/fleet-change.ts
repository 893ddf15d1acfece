import { isSameProfile } from '../domain/fleet/gateway';
import { Exit } from './exit';
import type { FleetApi } from './fleet-api';
import { followGateway, stuckRun, type GatewayNow } from './fleet-follow';
import type { FleetGatewayJson } from './fleet-shapes';
import { fleetColour, profileText, replicasTable, runningOf, stateOf } from './fleet-text';
import { gatewayView } from './fleet-view';
import type { Io } from './io';
import { CliProblem, usage } from './problem';
import { printJson } from './registration';
import { fields } from './text';

/** What commands that change something are told beside what they change. */
export interface ChangeOptions {
  readonly output: 'text' | 'json';
  /** Whether the change is followed until it is done. */
  readonly wait: boolean;
}

/**
 * Asks before something is done.
 * @returns whether it is wanted.
 * @throws CliProblem (usage) where nobody can be asked; interrupted when the person left.
 */
export async function confirmed(io: Io, question: string, { yes, output }: { yes?: boolean; output: string }) {
  if (yes) return true;
  const answer = output === 'json' ? null : await io.ask(`${question} [y/N] `);
  if (answer === null) throw usage('nobody can be asked here', '-y    to do it without being asked');
  if (answer === undefined)
    throw new CliProblem({ title: 'Nothing was done', code: 'INTERRUPTED' }, [], Exit.interrupted);
  if (/^y(es)?$/i.test(answer.trim())) return true;
  io.out('Nothing was done.\n');
  return false;
}

/** Whether a gateway is as it is wanted: every replica runs with the profile that is wanted, and no other is left. */
export function isSettled({ state, desired_replicas, replicas, profile }: FleetGatewayJson): boolean {
  return (
    state === 'running' &&
    replicas.length === desired_replicas &&
    replicas.every(
      (each) =>
        each.state === 'running' &&
        !each.scale_in &&
        each.rollout === null &&
        isSameProfile(each.applied_profile, profile),
    )
  );
}

/** Whether it was given up to make a gateway as it is wanted, and what had been made for it is gone. */
function isGivenUp({ state, deletion_marked_at, conditions, replicas }: FleetGatewayJson): boolean {
  const attemptsUsedUp = conditions.some(({ type, status }) => type === 'ScaleOutGivenUp' && status === 'True');
  return (state === 'failed' && replicas.length === 0) || deletion_marked_at !== null || attemptsUsedUp;
}

/** The position of the newest event of an organization's gateways: what comes after it is new. */
export async function newestEvent(api: FleetApi): Promise<number> {
  return (await api.latestEvents(1))[0]?.seq ?? 0;
}

/** Follows a gateway until it is as it is wanted, and tells how it ended. */
export async function settle(
  io: Io,
  api: FleetApi,
  gateway: FleetGatewayJson,
  options: ChangeOptions & { readonly after: number },
): Promise<Exit> {
  const json = options.output === 'json';
  if (isSettled(gateway)) {
    if (json) printJson(io, gateway);
    else io.out(await endText(io, api, { gateway, steps: new Map() }, gateway));
    return Exit.ok;
  }
  if (!options.wait) return leave(io, gateway, json);
  const view = gatewayView(io, gateway.name, json ? 'silent' : 'text');
  const over = ({ gateway: now }: GatewayNow): boolean => now === null || isSettled(now) || isGivenUp(now);
  const ended = await followGateway(io, { api, gateway, after: options.after, view, over });
  if (json) printJson(io, ended.gateway ?? { ...gateway, gone: true });
  else io.out(`\n${await endText(io, api, ended, gateway)}`);
  return ended.gateway && !hasProfile(ended.gateway, gateway) ? Exit.failed : exitOf(ended);
}

/** Whether a gateway is to have the profile that was asked for: its rollout may have been taken back. */
function hasProfile({ profile }: FleetGatewayJson, { profile: wanted }: FleetGatewayJson): boolean {
  return isSameProfile(profile, wanted);
}

/** Follows a gateway until it is gone. */
export async function untilGone(
  io: Io,
  api: FleetApi,
  gateway: FleetGatewayJson,
  { after, silent }: { readonly after: number; readonly silent: boolean },
): Promise<GatewayNow> {
  const view = gatewayView(io, gateway.name, silent ? 'silent' : 'text');
  return await followGateway(io, { api, gateway, after, view, over: (now) => now.gateway === null });
}

function leave(io: Io, gateway: FleetGatewayJson, json: boolean): Exit {
  if (json) printJson(io, gateway);
  else
    io.out(
      fields(io, [
        ['gateway', gateway.name],
        ['state', stateOf(gateway), fleetColour(gateway.state)],
        ['follow it', `gatewright gateway watch ${gateway.name}`],
      ]),
    );
  return Exit.ok;
}

/** How following a gateway ended, as an exit code. */
export function exitOf(ended: GatewayNow): Exit {
  if (stuckRun(ended)) return Exit.needsAttention;
  return ended.gateway !== null && isSettled(ended.gateway) ? Exit.ok : Exit.failed;
}

/** How following a gateway ended, and what a person can do. `wanted` is what it was to be. */
async function endText(io: Io, api: FleetApi, ended: GatewayNow, wanted: FleetGatewayJson): Promise<string> {
  const { gateway } = ended;
  const { name } = wanted;
  if (!gateway) return fields(io, [['gateway', `${name} was deleted meanwhile`, 'red']]);
  const stuck = stuckRun(ended);
  const settled = isSettled(gateway);
  const givenUp = gateway.conditions.find(({ type, status }) => type === 'ScaleOutGivenUp' && status === 'True');
  const kept = hasProfile(gateway, wanted);
  const head = fields(io, [
    ['gateway', gateway.name],
    ['state', stateOf(gateway), fleetColour(gateway.state)],
    ['running', runningOf(gateway), settled ? 'green' : undefined],
    ['why', gateway.status_message ?? givenUp?.message, 'red'],
    [
      'profile',
      kept ? undefined : `${profileText(wanted.profile)} was taken back; it has ${profileText(gateway.profile)}`,
      'red',
    ],
    ['why', kept || !wanted.rollout ? undefined : `gatewright run ${wanted.rollout.run}`],
    ['take it back', settled && kept && gateway.rollout ? `gatewright cancel ${gateway.rollout.run}` : undefined],
    ...stuckFields(ended),
    ...(gateway.state === 'failed' ? [['try', `gatewright gateway delete ${name}, then apply it again`] as const] : []),
  ]);
  if (settled || stuck) return head;
  const replicas = (await api.replicas(name)).filter(({ state }) => state !== 'running');
  const [first] = replicas;
  if (!first) return head;
  return `${head}\n${replicasTable(io, replicas)}\n${fields(io, [['output', `gatewright replica logs ${first.name}`]])}`;
}

/** What to do about a run that waits for a person. */
export function stuckFields(ended: GatewayNow): (readonly [string, string, 'yellow'?])[] {
  const stuck = stuckRun(ended);
  if (!stuck) return [];
  return [
    ['needs attention', `${stuck.step ?? 'a step'} of ${stuck.runId}`, 'yellow'],
    ['try', 'gatewright attention'],
  ];
}
