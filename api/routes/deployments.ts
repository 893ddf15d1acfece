import { randomUUID } from 'node:crypto';
import { token, unboundToken } from '../access';
import type { Deps } from '../deps';
import { answerOnce, idempotencyHeader } from '../idempotency';
import { ifMatchHeader, namedVersion, onNamedVersion } from '../if-match';
import { adopted } from '../planetscale/servers';
import { RolloutLookup } from '../rollout/lookup';
import { databaseName, deploymentChangeBody, newDeploymentBody } from '../rollout/bodies';
import { deploymentSchema } from '../rollout/schemas';
import { deploymentView } from '../rollout/views';
import { ok, route, type Route } from '../route';
import { uuid } from '../schemas';
import { z } from '../zod';
import { Failure } from '../../domain/failures';
import type { DeploymentRecord } from '../../domain/rollout/apply';

const all = '/v1/organizations/{org}/databases/{db}/deployments';
const params = { org: uuid, db: databaseName };
const headers = { ETag: 'Its resource version.' };

/** The places that deploy requests of a database change. */
export function deploymentRoutes(deps: Deps): Route[] {
  const { store } = deps;
  const lookup = new RolloutLookup(deps);
  const answer = (deployment: DeploymentRecord, status = 200) => ({
    status,
    body: deploymentView(deployment),
    headers: { ETag: `"${deployment.resourceVersion}"` },
  });

  const list = route({
    method: 'get',
    path: all,
    operationId: 'listDeployments',
    tag: 'rollouts',
    summary: 'List the deployments of a database, in the order in which they are changed',
    description: 'None where the default branch’s own is the only one.',
    access: token('read'),
    params: z.strictObject(params),
    answers: {
      200: {
        description: 'All of them.',
        schema: z.object({ deployments: z.array(deploymentSchema) }).openapi('DeploymentList'),
      },
    },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params }) {
      const { organizationId, id } = await lookup.database(caller, params);
      const deployments = await store.rollouts.deployments.list(organizationId, id);
      return ok({ deployments: deployments.map(deploymentView) });
    },
  });

  const add = route({
    method: 'post',
    path: all,
    operationId: 'addDeployment',
    tag: 'rollouts',
    summary: 'Add a schema that is there already; its deploy requests change it with the others',
    description: 'Before the first that is added, the default branch’s own is entered.',
    // Whose schema it is, only somebody can say who may see everybody's.
    access: unboundToken('admin'),
    params: z.strictObject(params),
    headers: z.object(idempotencyHeader),
    body: newDeploymentBody,
    answers: { 201: { description: 'It is there.', schema: deploymentSchema, headers } },
    failures: [
      'CONFLICT',
      'STATE_CONFLICT',
      'IDEMPOTENCY_KEY_REUSED',
      'IDEMPOTENCY_KEY_IN_FLIGHT',
      'STORE_UNAVAILABLE',
    ],
    async handle({ caller, params, headers, body }) {
      const database = await lookup.database(caller, params);
      const { organizationId, id: databaseId } = database;
      const { secret: server } = adopted(deps, caller, database.kind, body.server);
      const keyed = { caller, key: headers['Idempotency-Key'], route: `POST ${all} ${databaseId}`, organizationId };
      return await answerOnce(deps, { ...keyed, body, subject: randomUUID() }, async (id) =>
        answer(await store.rollouts.deployments.add({ ...body, id, organizationId, databaseId, server }), 201),
      );
    },
  });

  const one = route({
    method: 'get',
    path: `${all}/{id}`,
    operationId: 'getDeployment',
    tag: 'rollouts',
    summary: 'Read a deployment',
    access: token('read'),
    params: z.strictObject({ ...params, id: uuid }),
    answers: { 200: { description: 'The deployment.', schema: deploymentSchema, headers } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params }) {
      const { organizationId, id } = await lookup.database(caller, params);
      const deployment = await store.rollouts.deployments.get(organizationId, id, params.id);
      if (!deployment) throw new Failure('NOT_FOUND', 'There is no such deployment.');
      return answer(deployment);
    },
  });

  const change = route({
    method: 'patch',
    path: `${all}/{id}`,
    operationId: 'changeDeployment',
    tag: 'rollouts',
    summary: 'Rename a deployment, or give it another environment or place; rollouts under way go on as they began',
    access: token('admin'),
    params: z.strictObject({ ...params, id: uuid }),
    headers: z.object(ifMatchHeader),
    body: deploymentChangeBody,
    answers: { 200: { description: 'As it is now.', schema: deploymentSchema, headers } },
    failures: ['CONFLICT', 'PRECONDITION_FAILED', 'STORE_UNAVAILABLE'],
    async handle({ caller, params, headers, body }) {
      const { organizationId, id } = await lookup.database(caller, params);
      const { name, environment, position } = body;
      const change = {
        ...(name !== undefined && { name }),
        ...(environment !== undefined && { environment }),
        ...(position !== undefined && { position }),
      };
      const version = namedVersion(headers['If-Match']);
      const { deployments } = store.rollouts;
      return answer(
        await onNamedVersion(version, () => deployments.update(organizationId, id, params.id, change, version)),
      );
    },
  });

  const remove = route({
    method: 'delete',
    path: `${all}/{id}`,
    operationId: 'removeDeployment',
    tag: 'rollouts',
    summary: 'Leave a deployment out from now on; its schema stays as it is',
    access: token('admin'),
    params: z.strictObject({ ...params, id: uuid }),
    answers: { 204: { description: 'It is not changed any more.' } },
    failures: ['STATE_CONFLICT', 'STORE_UNAVAILABLE'],
    async handle({ caller, params }) {
      const { organizationId, id } = await lookup.database(caller, params);
      const { deployments } = store.rollouts;
      if (!(await deployments.get(organizationId, id, params.id)))
        throw new Failure('NOT_FOUND', 'There is no such deployment.');
      await deployments.remove(organizationId, id, params.id);
      return { status: 204 };
    },
  });
  return [list, add, one, change, remove];
}
