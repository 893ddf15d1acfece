import { Client, RUN_MS } from '../client';
import { connect } from '../connection';
import { Exit, exitOf } from '../exit';
import { followRun } from '../follow';
import { follower } from '../follow-view';
import type { Io } from '../io';
import { usage } from '../problem';
import { printJson, type CommonOptions } from '../registration';
import { endText } from '../run-text';
import type { AcceptedJson, AllocationJson, GatewayJson, PlanJson } from '../shapes';
import { fields, paint, type Field } from '../text';

interface WaitOptions extends CommonOptions {
  readonly wait: boolean;
  readonly idempotencyKey?: string;
}
export interface StartOptions extends WaitOptions {
  readonly plan?: boolean;
}
export interface StopOptions extends WaitOptions {
  readonly allocation?: string;
}

/** `gatewright start ORG` */
export async function start(io: Io, options: StartOptions, organization: string): Promise<Exit> {
  const client = new Client(connect(io, options));
  const body = { organization_id: organization };
  if (!options.plan) return await run(io, client, options, '/gateway/start', body);
  const query = { validateOnly: 'true' };
  const { body: plan } = await client.post<PlanJson>('/gateway/start', { query, body });
  if (options.output === 'json') printJson(io, plan);
  else io.out(planText(io, plan));
  return Exit.ok;
}

/** `gatewright stop ORG|--allocation ID` */
export async function stop(io: Io, options: StopOptions, organization?: string): Promise<Exit> {
  const { allocation } = options;
  if ((organization === undefined) === (allocation === undefined))
    throw usage('name either an organization or, with --allocation, an allocation');
  const body = organization === undefined ? { allocation_id: allocation } : { organization_id: organization };
  return await run(io, new Client(connect(io, options)), options, '/gateway/stop', body);
}

/** Begins a run, or joins the one that there is, and shows it until it ends. */
async function run(io: Io, client: Client, options: WaitOptions, path: string, body: object): Promise<Exit> {
  const json = options.output === 'json';
  // With a timeline to show, the run is wanted rather than its result.
  const headers: Record<string, string> = {};
  if (!options.wait || !json) headers['prefer'] = 'respond-async';
  if (options.idempotencyKey !== undefined) headers['idempotency-key'] = options.idempotencyKey;
  const answer = await client.post<GatewayJson | AcceptedJson>(path, { body, headers, timeoutMs: RUN_MS });
  if (answer.body.state !== 'running') return finish(io, json, answer.body);
  if (!options.wait) {
    if (json) printJson(io, answer.body);
    else
      io.out(
        fields(io, [
          ['run', answer.body.run_id],
          ['follow it', `gatewright run ${answer.body.run_id} --follow`],
        ]),
      );
    return Exit.ok;
  }
  const { run_id: runId, allocation_id: allocationId } = answer.body;
  if (!json) io.out(`${paint(io, 'dim', runId)}\n\n`);
  const ended = await followRun(io, client, runId, await follower(io, client, runId, json ? 'silent' : 'text'));
  if (ended.state === 'succeeded') {
    const held = await client.get<AllocationJson>(`/gateways/allocations/${allocationId}`);
    return finish(io, json, gatewayOf(held, runId, path === '/gateway/start'), !json);
  }
  if (json) printJson(io, ended);
  else io.out(`\n${endText(io, ended)}`);
  return exitOf(ended.state);
}

function finish(io: Io, json: boolean, gateway: GatewayJson, followed = false): Exit {
  if (json) printJson(io, gateway);
  else {
    const state = gateway.state === 'live' ? 'live' : 'stopped';
    const all: Field[] = [
      ['gateway', gateway.gateway_hostname],
      ['state', state, 'green'],
      ['allocation', gateway.allocation_id],
      ...(followed ? [] : [['run', gateway.run_id] as const]),
    ];
    io.out(`${followed ? '\n' : ''}${fields(io, all)}`);
  }
  return Exit.ok;
}

function gatewayOf(held: AllocationJson, runId: string, live: boolean): GatewayJson {
  const { gateway_hostname, organization_id, id: allocation_id, replica_id, epoch } = held;
  const common = { gateway_hostname, organization_id, allocation_id, run_id: runId };
  return live ? { ...common, state: 'live', replica_id, epoch } : { ...common, state: 'released' };
}

function planText(io: Io, plan: PlanJson): string {
  const steps = plan.steps.map(({ name, do: does, undo }) => {
    const back =
      undo.kind === 'undo' ? undo.text : `${undo.kind === 'nothing' ? 'nothing to undo' : 'no return'}: ${undo.text}`;
    return `${paint(io, 'bold', name)}\n${fields(
      io,
      [
        ['do', does],
        ['undo', back, 'dim'],
      ],
      2,
    )}`;
  });
  const head = fields(io, [
    ['plan', `${plan.kind} for organization ${plan.organization_id}`],
    ['gateway', plan.gateway_hostname],
  ]);
  return `${head}\n${steps.join('')}\nNothing was done. Steps run from the first to the last, undos from the last to the first.\n`;
}
