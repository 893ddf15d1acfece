import { Failure } from '../../domain/failures';
import type { DeploymentRecord } from '../../domain/rollout/apply';
import { token, type Caller } from '../access';
import type { Deps } from '../deps';
import { RolloutLookup, type Place } from '../rollout/lookup';
import { databaseName, lockBody, placeName, reason } from '../rollout/bodies';
import { lockedSchema, lockSchema } from '../rollout/schemas';
import { lockView } from '../rollout/views';
import { ok, route, type Route } from '../route';
import { flag, uuid } from '../schemas';
import { z } from '../zod';

const path = '/v1/organizations/{org}/databases/{db}/locks';
const params = z.strictObject({ org: uuid, db: databaseName });

/** What somebody wants of locks, as a request says it. */
interface Said {
  /** Names of deployments; none means all. */
  readonly deployments: readonly string[];
  readonly force: boolean;
  readonly reason: string | undefined;
}

/** Who may change the schema of which deployments of a database. */
export function schemaLockRoutes(deps: Deps): Route[] {
  const { store, now } = deps;
  const lookup = new RolloutLookup(deps);

  const about = async (caller: Caller, place: Place) => {
    const database = await lookup.database(caller, place);
    const deployments = await store.rollouts.deployments.list(database.organizationId, database.id);
    const names = new Map(deployments.map(({ id, name }) => [id, name]));
    return { database, deployments, view: (lock: Parameters<typeof lockView>[0]) => lockView(lock, names, now()) };
  };
  const wanted = (caller: Caller, databaseId: string, places: readonly DeploymentRecord[], said: Said) => ({
    databaseId,
    deployments: said.deployments.map((name) => idOf(name, places)),
    owner: caller.label,
    ...(said.force && { force: forced(caller, said.reason) }),
  });

  const list = route({
    method: 'get',
    path,
    operationId: 'listSchemaLocks',
    tag: 'rollouts',
    summary: 'List who keeps others from changing the schema of which deployments',
    access: token('read'),
    params,
    answers: {
      200: {
        description: 'All of them.',
        schema: z.object({ locks: z.array(lockSchema) }).openapi('SchemaLockList'),
      },
    },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params }) {
      const { database, view } = await about(caller, params);
      const locks = await store.rollouts.locks.list(database.organizationId, database.id);
      return ok({ locks: locks.map(view) });
    },
  });

  const take = route({
    method: 'post',
    path,
    operationId: 'takeSchemaLock',
    tag: 'rollouts',
    summary: 'Keep others from changing the schema of deployments, rollouts among them',
    description: 'Its owner is the token; taking it again changes nothing. With `force`, whoever has it loses it.',
    access: token('operate'),
    params,
    body: lockBody,
    answers: { 200: { description: 'The caller has it.', schema: lockedSchema } },
    failures: ['LOCK_HELD', 'STORE_UNAVAILABLE'],
    async handle({ caller, params, body }) {
      const { database, deployments, view } = await about(caller, params);
      const said = { deployments: body.deployments ?? [], force: body.force ?? false, reason: body.reason };
      const asked = wanted(caller, database.id, deployments, said);
      const { lock, had, lost } = await store.rollouts.locks.acquire(database.organizationId, asked);
      return ok({ lock: view(lock), had, lost: lost.map(view) });
    },
  });

  const give = route({
    method: 'delete',
    path,
    operationId: 'giveSchemaLock',
    tag: 'rollouts',
    summary: 'Give locks back; giving back what one has not changes nothing',
    access: token('operate'),
    params,
    query: z.strictObject({
      deployments: z
        .string()
        .max(64_000)
        .optional()
        .openapi({ description: 'Names between commas; all where it is left out.', example: 'eu-1,eu-2' }),
      force: flag.optional(),
      reason: reason.optional(),
    }),
    answers: { 204: { description: 'The caller has none of them.' } },
    failures: ['LOCK_HELD', 'STORE_UNAVAILABLE'],
    async handle({ caller, params, query }) {
      const { database, deployments } = await about(caller, params);
      const names = query.deployments === undefined ? [] : query.deployments.split(',');
      const said = { deployments: names, force: query.force === 'true', reason: query.reason };
      await store.rollouts.locks.release(database.organizationId, wanted(caller, database.id, deployments, said));
      return { status: 204 };
    },
  });
  return [list, take, give];
}

/** @throws Failure INVALID_INPUT */
function idOf(name: string, deployments: readonly DeploymentRecord[]): string {
  const found = placeName.safeParse(name).success ? deployments.find((each) => each.name === name) : undefined;
  if (!found) throw new Failure('INVALID_INPUT', 'One of the deployments is none of this database.');
  return found.id;
}

/** @throws Failure FORBIDDEN, INVALID_INPUT */
function forced(caller: Caller, why: string | undefined): { readonly by: string; readonly reason: string } {
  if (caller.scope !== 'admin') throw new Failure('FORBIDDEN', 'Taking a lock by force needs the scope admin.');
  if (why === undefined) throw new Failure('INVALID_INPUT', 'Say the reason for taking it by force.');
  return { by: caller.label, reason: why };
}
