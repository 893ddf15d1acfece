import { Failure } from '../../domain/failures';
import { token } from '../access';
import type { Deps } from '../deps';
import { gatewayAnswer } from '../fleet/answers';
import { fleetName, gatewayReplicaSchema, gatewaySchema, replicaNum } from '../fleet/schemas';
import { fleetReplicaView } from '../fleet/views';
import { answerOnce, idempotencyHeader } from '../idempotency';
import { ifMatchHeader, namedVersion, onNamedVersion } from '../if-match';
import { ok, route, type Route } from '../route';
import { uuid } from '../schemas';
import { z } from '../zod';
import { asking } from './fleet-gateways';

/** `/v1/organizations/{org}/gateways/{name}/replicas` and `/scale`: how many there are, and which. */
export function fleetReplicaRoutes(deps: Deps): Route[] {
  const list = route({
    method: 'get',
    path: '/v1/organizations/{org}/gateways/{name}/replicas',
    operationId: 'listGatewayReplicas',
    tag: 'fleet',
    summary: 'List a gateway’s replicas by number, the last terminated one of each number included',
    access: token('read'),
    params: z.strictObject({ org: uuid, name: fleetName }),
    answers: {
      200: {
        description: 'All of them.',
        schema: z.object({ replicas: z.array(gatewayReplicaSchema) }).openapi('GatewayReplicaList'),
      },
    },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name } }) {
      caller.mustSee(org);
      const { gateway, replicas } = await deps.fleet.get(org, name);
      return ok({ replicas: replicas.map((each) => fleetReplicaView(gateway, each)) });
    },
  });

  const replace = route({
    method: 'post',
    path: '/v1/organizations/{org}/gateways/{name}/replicas/{num}/replace',
    operationId: 'replaceGatewayReplica',
    tag: 'fleet',
    summary: 'Have a replica destroyed and another made in its place',
    description: 'An allocation that is on it is moved to another replica first. With an `Idempotency-Key`, once.',
    access: token('operate'),
    params: z.strictObject({ org: uuid, name: fleetName, num: replicaNum }),
    headers: z.object(idempotencyHeader),
    answers: { 202: { description: 'It is on its way out.', schema: gatewayReplicaSchema } },
    failures: ['STATE_CONFLICT', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_IN_FLIGHT', 'STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name, num }, headers }) {
      const by = asking(caller, org);
      const { gateway, replicas } = await deps.fleet.get(org, name);
      const found = replicas.filter((each) => each.num === Number(num)).at(-1);
      if (!found) throw new Failure('NOT_FOUND', 'The gateway has no such replica.');
      const path = `POST /v1/gateways/${gateway.id}/replicas/${num}/replace`;
      const keyed = { caller, key: headers['Idempotency-Key'], route: path, organizationId: org, body: null };
      return await answerOnce(deps, { ...keyed, subject: found.id }, async (id) => ({
        status: 202,
        body: fleetReplicaView(gateway, await deps.fleet.replaceReplica(by, name, id)),
      }));
    },
  });

  const scale = route({
    method: 'post',
    path: '/v1/organizations/{org}/gateways/{name}/scale',
    operationId: 'scaleGateway',
    tag: 'fleet',
    summary: 'Change how many replicas a gateway has',
    access: token('operate'),
    params: z.strictObject({ org: uuid, name: fleetName }),
    headers: z.object(ifMatchHeader),
    body: z
      .strictObject({
        replicas: z.number().int().min(1),
        force: z
          .boolean()
          .optional()
          .openapi({ description: 'Whether replicas that organizations hold may go; their allocations are moved.' }),
      })
      .openapi('ScaleGateway'),
    answers: {
      202: { description: 'It is accepted.', schema: gatewaySchema, headers: { ETag: 'Its resource version.' } },
    },
    failures: ['STATE_CONFLICT', 'CONFLICT', 'PRECONDITION_FAILED', 'STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name }, headers: { 'If-Match': match }, body }) {
      const version = namedVersion(match);
      const by = asking(caller, org);
      const scaled = await onNamedVersion(version, () => deps.fleet.scale(by, name, { ...body, version }));
      return await gatewayAnswer(deps, scaled, 202);
    },
  });
  return [list, replace, scale];
}
