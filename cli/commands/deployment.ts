import { deployApi, type DeployApi, type DeployOptions } from '../deploy-api';
import { Exit } from '../exit';
import { confirmed } from '../fleet-change';
import type { Io } from '../io';
import { CliProblem, usage } from '../problem';
import { printJson } from '../registration';
import type { PlaceJson } from '../rollout-shapes';
import { placesTable } from '../rollout-text';

export interface AddOptions extends DeployOptions {
  readonly environment: string;
  readonly secret: string;
  readonly schema: string;
}
export interface UpdateOptions extends DeployOptions {
  readonly rename?: string;
  readonly environment?: string;
  readonly position?: number;
}
export interface RemoveOptions extends DeployOptions {
  readonly yes?: boolean;
}

/** `gatewright deployment list DATABASE` */
export async function list(io: Io, options: DeployOptions, database: string): Promise<Exit> {
  const deployments = await all(deployApi(io, options), database);
  if (options.output === 'json') printJson(io, { deployments });
  else if (deployments.length === 0)
    io.out(`Only its own. gatewright deployment add ${database} NAME gives it another.\n`);
  else io.out(placesTable(io, deployments));
  return Exit.ok;
}

/** `gatewright deployment add DATABASE NAME` */
export async function add(io: Io, options: AddOptions, database: string, name: string): Promise<Exit> {
  const { environment, secret, schema } = options;
  const api = deployApi(io, options);
  const body = { name, environment, server: secret, schema };
  return print(io, options, (await api.client.post<PlaceJson>(api.path(database, 'deployments'), { body })).body);
}

/** `gatewright deployment update DATABASE NAME` */
export async function update(io: Io, options: UpdateOptions, database: string, name: string): Promise<Exit> {
  const { rename, environment, position } = options;
  const body = {
    ...(rename !== undefined && { name: rename }),
    ...(environment !== undefined && { environment }),
    ...(position !== undefined && { position }),
  };
  if (Object.keys(body).length === 0) throw usage('nothing to change', 'gatewright deployment update --help');
  const api = deployApi(io, options);
  const { id } = await named(api, database, name);
  return print(io, options, (await api.client.patch<PlaceJson>(api.path(database, 'deployments', id), { body })).body);
}

/** `gatewright deployment remove DATABASE NAME` */
export async function remove(io: Io, options: RemoveOptions, database: string, name: string): Promise<Exit> {
  const api = deployApi(io, options);
  const { id, schema } = await named(api, database, name);
  const question = `Change ${name} with ${database} no longer? Its schema ${schema} stays as it is.`;
  if (!(await confirmed(io, question, options))) return Exit.failed;
  await api.client.delete(api.path(database, 'deployments', id));
  if (options.output === 'json') printJson(io, { name, removed: true });
  else io.out(`${name} is no deployment of ${database} any more.\n`);
  return Exit.ok;
}

async function all(api: DeployApi, database: string): Promise<readonly PlaceJson[]> {
  const { deployments } = await api.found(`There is no database ${database}`, 'gatewright database list', () =>
    api.client.get<{ deployments: PlaceJson[] }>(api.path(database, 'deployments')),
  );
  return deployments;
}

async function named(api: DeployApi, database: string, name: string): Promise<PlaceJson> {
  const found = (await all(api, database)).find((each) => each.name === name);
  if (found) return found;
  const title = `Database ${database} has no deployment ${name}`;
  throw new CliProblem({ title, code: 'NOT_FOUND' }, [`gatewright deployment list ${database}`]);
}

function print(io: Io, { output }: DeployOptions, place: PlaceJson): Exit {
  if (output === 'json') printJson(io, place);
  else io.out(placesTable(io, [place]));
  return Exit.ok;
}
