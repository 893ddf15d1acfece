import type { FleetGateway } from '../../domain/fleet/gateway';
import { Failure } from '../../domain/failures';
import { token, type Caller } from '../access';
import type { Deps } from '../deps';
import { gatewayAnswer, gatewayViews } from '../fleet/answers';
import type { Asking } from '../fleet/asked';
import { configurationBody, fleetName, gatewaySchema, planSchema } from '../fleet/schemas';
import { planView } from '../fleet/views';
import { ifMatchHeader, namedVersion, onNamedVersion } from '../if-match';
import { ok, route, type Route } from '../route';
import { uuid } from '../schemas';
import { z } from '../zod';

const params = z.strictObject({ org: uuid, name: fleetName });
const headers = { ETag: 'Its resource version.' };
const ends = { ...headers, Location: 'The gateway, whose conditions tell how far it is.' };

/** Whose gateways a request is about. @throws Failure NOT_FOUND for another organization's. */
export function asking(caller: Caller, organizationId: string): Asking {
  caller.mustSee(organizationId);
  return { organizationId, actor: caller.label };
}

/** `/v1/organizations/{org}/gateways`: what is declared, as the store has it. */
export function fleetGatewayRoutes(deps: Deps): Route[] {
  const list = route({
    method: 'get',
    path: '/v1/organizations/{org}/gateways',
    operationId: 'listGateways',
    tag: 'fleet',
    summary: 'List an organization’s gateways with their replicas, by name',
    access: token('read'),
    params: z.strictObject({ org: uuid }),
    answers: {
      200: {
        description: 'All of them.',
        schema: z.object({ gateways: z.array(gatewaySchema) }).openapi('GatewayList'),
      },
    },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { org } }) {
      caller.mustSee(org);
      return ok({ gateways: await gatewayViews(deps, await deps.fleet.list(org)) });
    },
  });

  const one = route({
    method: 'get',
    path: '/v1/organizations/{org}/gateways/{name}',
    operationId: 'getGateway',
    tag: 'fleet',
    summary: 'Read a gateway, its replicas and its conditions',
    access: token('read'),
    params,
    answers: { 200: { description: 'The gateway.', schema: gatewaySchema, headers } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name } }) {
      caller.mustSee(org);
      const { gateway } = await deps.fleet.get(org, name);
      return await gatewayAnswer(deps, gateway, 200);
    },
  });

  const plan = route({
    method: 'post',
    path: '/v1/organizations/{org}/gateways/{name}/plan',
    operationId: 'planGateway',
    tag: 'fleet',
    summary: 'Say what applying a configuration would do; nothing is changed',
    access: token('read'),
    params,
    body: configurationBody,
    answers: { 200: { description: 'The plan.', schema: planSchema } },
    failures: ['BACKEND_UNAVAILABLE', 'STATE_CONFLICT', 'STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name }, body }) {
      const planned = await deps.fleet.plan(asking(caller, org), deps.fleet.configuration(named(name, body)));
      return ok(planView(planned));
    },
  });

  const apply = route({
    method: 'put',
    path: '/v1/organizations/{org}/gateways/{name}',
    operationId: 'applyGateway',
    tag: 'fleet',
    summary: 'Make a gateway, or change it in place',
    description:
      'Changing a gateway that is there needs `If-Match`; `If-None-Match: *` only makes a new one. Without either, a gateway that is there already as it is wanted is answered as it is. What cannot be changed in place (see `plan`) is refused: delete the gateway and apply again.',
    access: token('admin'),
    params,
    headers: z.object({
      ...ifMatchHeader,
      'If-None-Match': z.literal('*').optional().openapi({ description: 'Only where there is no such gateway.' }),
    }),
    body: configurationBody,
    answers: {
      200: { description: 'The gateway is as it is wanted, or is at once.', schema: gatewaySchema, headers },
      202: { description: 'It is accepted; machines have to come or go.', schema: gatewaySchema, headers: ends },
    },
    failures: [
      'BACKEND_UNAVAILABLE',
      'STATE_CONFLICT',
      'CONFLICT',
      'PRECONDITION_FAILED',
      'PRECONDITION_REQUIRED',
      'STORE_UNAVAILABLE',
    ],
    async handle({ caller, params: { org, name }, headers: { 'If-Match': match, 'If-None-Match': none }, body }) {
      const wanted = deps.fleet.configuration(named(name, body));
      const { gateway, takesTime } = await deps.fleet.apply(asking(caller, org), wanted, {
        before: (current) => mustMatch(current, match, none),
        change(current) {
          if (match === undefined)
            throw new Failure('PRECONDITION_REQUIRED', undefined, {
              data: { currentVersion: current.resourceVersion },
            });
        },
      });
      return await gatewayAnswer(deps, gateway, takesTime ? 202 : 200);
    },
  });

  const remove = route({
    method: 'delete',
    path: '/v1/organizations/{org}/gateways/{name}',
    operationId: 'deleteGateway',
    tag: 'fleet',
    summary: 'Delete a gateway: its replicas are destroyed, then it is gone',
    access: token('admin'),
    params,
    headers: z.object(ifMatchHeader),
    answers: { 202: { description: 'It is marked for deletion.', schema: gatewaySchema, headers: ends } },
    failures: ['CONFLICT', 'PRECONDITION_FAILED', 'STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name }, headers: { 'If-Match': match } }) {
      const version = namedVersion(match);
      const by = asking(caller, org);
      return await gatewayAnswer(deps, await onNamedVersion(version, () => deps.fleet.remove(by, name, version)), 202);
    },
  });
  return [list, one, plan, apply, remove];
}

/** A configuration under the name that the address says. @throws Failure INVALID_INPUT when it says another. */
function named(name: string, body: { readonly name?: string | undefined }): unknown {
  if (body.name === undefined || body.name === name) return { ...body, name };
  const errors = [{ detail: 'name: must be the one in the address, or left out.', pointer: '#/name' }];
  throw new Failure('INVALID_INPUT', errors[0]!.detail, { data: { errors } });
}

/** @throws Failure PRECONDITION_FAILED (data: currentVersion) unless what is there is what the headers name. */
function mustMatch(current: FleetGateway | null, match: string | undefined, none: string | undefined): void {
  const version = namedVersion(match);
  const holds =
    (none === undefined || current === null) &&
    (match === undefined || current !== null) &&
    (version === undefined || version === current!.resourceVersion);
  if (!holds)
    throw new Failure('PRECONDITION_FAILED', undefined, {
      data: { currentVersion: current?.resourceVersion ?? null },
    });
}
