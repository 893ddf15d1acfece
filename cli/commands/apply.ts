import { Exit } from '../exit';
import { fleetApi, type FleetApi, type FleetOptions } from '../fleet-api';
import { confirmed, exitOf, newestEvent, settle, stuckFields, untilGone } from '../fleet-change';
import type { FleetGatewayJson, FleetPlanJson } from '../fleet-shapes';
import { planText } from '../fleet-text';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';
import { fields } from '../text';
import { readYaml } from '../yaml-file';

export interface ApplyOptions extends FleetOptions {
  readonly file: string;
  readonly yes?: boolean;
  readonly replace?: boolean;
  readonly plan?: boolean;
  readonly wait: boolean;
}

/** Plans are made again this often when the gateway changed between plan and apply in what does not concern the plan. */
const ATTEMPTS = 5;

/** `gatewright apply -f FILE`, also `gatewright gateway apply` */
export async function apply(io: Io, options: ApplyOptions): Promise<Exit> {
  const configuration = await readYaml(io, options.file);
  const name = nameIn(configuration, options.file);
  const api = fleetApi(io, options);
  const planned = await plan(api, name, configuration);
  const json = options.output === 'json';
  if (options.plan) {
    if (json) printJson(io, planned);
    else io.out(`${await shown(io, api, name, planned)}\nNothing was done.\n`);
    return Exit.ok;
  }
  if (!json) io.out(await shown(io, api, name, planned));
  const change: Change = { io, api, options, name, configuration };
  if (planned.no_changes) {
    // Whoever applies it again may wait for what an earlier apply began.
    return await put(change, planned);
  }
  if (planned.action === 'replace' && options.yes && !options.replace)
    throw new CliProblem(
      {
        title: `Gateway ${name} cannot be changed in place`,
        code: 'STATE_CONFLICT',
        detail: 'Its replicas would be destroyed, and the organizations on them lose their gateways.',
      },
      ['--replace    to have it deleted and made anew'],
    );
  const question = planned.action === 'replace' ? 'Delete it and make it anew?' : 'Do it?';
  if (!(await confirmed(io, question, options))) return Exit.failed;
  return planned.action === 'replace' ? await replace(change) : await put(change, planned);
}

interface Change {
  readonly io: Io;
  readonly api: FleetApi;
  readonly options: ApplyOptions;
  readonly name: string;
  readonly configuration: Readonly<Record<string, unknown>>;
}

/** The name that a configuration gives. @throws CliProblem for a file of something else. */
function nameIn(configuration: Readonly<Record<string, unknown>>, file: string): string {
  const { type, name } = configuration;
  const fault =
    type !== 'gateway'
      ? 'type: must be gateway'
      : typeof name === 'string' && /^[a-z][a-z0-9-]{1,40}$/.test(name)
        ? undefined
        : 'name: must be 2 to 41 lower-case letters, digits and hyphens, beginning with a letter';
  if (fault === undefined) return name as string;
  throw new CliProblem({
    title: 'This is no configuration of a gateway',
    code: 'NO_CONFIGURATION',
    detail: `${file}: ${fault}`,
  });
}

async function plan(api: FleetApi, name: string, configuration: object): Promise<FleetPlanJson> {
  try {
    return (await api.client.post<FleetPlanJson>(`${api.path('gateways', name)}/plan`, { body: configuration })).body;
  } catch (error) {
    throw explained(error, name);
  }
}

async function shown(io: Io, api: FleetApi, name: string, planned: FleetPlanJson): Promise<string> {
  const replicas = planned.action === 'replace' ? ((await api.gatewayOrNone(name))?.replicas.length ?? 0) : 0;
  return planText(io, name, planned, replicas);
}

/** Makes or changes the gateway as it was planned, and follows it. */
async function put({ io, api, options, name, configuration }: Change, planned: FleetPlanJson): Promise<Exit> {
  const after = await newestEvent(api);
  let present = planned;
  for (let attempt = 1; ; attempt++) {
    const { resource_version: version } = present;
    const headers: Record<string, string> =
      version === null ? { 'if-none-match': '*' } : present.no_changes ? {} : { 'if-match': `"${version}"` };
    try {
      const { body } = await api.client.put<FleetGatewayJson>(api.path('gateways', name), {
        body: configuration,
        headers,
      });
      if (options.output !== 'json' && options.wait) io.out('\n');
      return await settle(io, api, body, { ...options, after });
    } catch (error) {
      if (!(error instanceof CliProblem) || error.document.code !== 'PRECONDITION_FAILED' || attempt === ATTEMPTS)
        throw explained(error, name);
      // Its row changes with every replica; only what the person has seen and agreed to must still hold.
      present = await plan(api, name, configuration);
      if (!sameChange(present, planned))
        throw new CliProblem({ title: `Gateway ${name} was changed meanwhile; nothing was done`, code: 'CONFLICT' }, [
          `gatewright apply -f ${options.file}    to see the new plan`,
        ]);
    }
  }
}

/** Deletes the gateway, waits until it is gone, and makes it anew. */
async function replace(change: Change): Promise<Exit> {
  const { io, api, options, name, configuration } = change;
  const json = options.output === 'json';
  const after = await newestEvent(api);
  const gateway = await api.client.delete<FleetGatewayJson>(api.path('gateways', name));
  if (!json) io.out('\n');
  const ended = await untilGone(io, api, gateway, { after, silent: json });
  if (ended.gateway !== null) {
    if (json) printJson(io, ended.gateway);
    else io.out(`\n${fields(io, [['gateway', `${name} is not gone yet; nothing was made`], ...stuckFields(ended)])}`);
    return exitOf(ended);
  }
  return await put(change, await plan(api, name, configuration));
}

function sameChange(one: FleetPlanJson, other: FleetPlanJson): boolean {
  return one.action === other.action && JSON.stringify(one.changes) === JSON.stringify(other.changes);
}

/** What the API refuses, with what to do about it here. */
function explained(error: unknown, name: string): unknown {
  if (!(error instanceof CliProblem) || error.hints.length > 0) return error;
  const { document } = error;
  if (document.code === 'STATE_CONFLICT' && document['state'] === 'failed')
    return new CliProblem(document, [`gatewright gateway delete ${name}`]);
  if (document.code === 'STATE_CONFLICT' && document['state'] !== undefined)
    return new CliProblem(document, [`gatewright gateway watch ${name}`]);
  return error;
}
