import { randomUUID } from 'node:crypto';
import { address, formatAddress, network } from '../../domain/address';
import { Failure } from '../../domain/failures';
import { planOf } from '../../domain/run-plan';
import { gatewayHostname } from '../../domain/hostname';
import { hashSecret } from '../../prisma/token-secret';
import { replica, token } from '../access';
import type { Deps } from '../deps';
import { startGateway } from '../gateway-start';
import { stopGateway } from '../gateway-stop';
import { answerOnce, idempotencyHeader } from '../idempotency';
import { ok, route, type Route } from '../route';
import { preferHeader, preferredWait, runFailures } from '../run-answer';
import { flag, replicaSchema, runId, uuid } from '../schemas';
import { replicaView } from '../views';
import { z } from '../zod';

const accepted = z
  .object({ run_id: runId, allocation_id: uuid, organization_id: uuid, state: z.literal('running') })
  .openapi('RunAccepted');

const started = z
  .object({
    gateway_hostname: z.string().openapi({ example: 'org-0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d.gw.test' }),
    organization_id: uuid,
    allocation_id: uuid,
    run_id: runId,
    state: z.literal('live'),
    replica_id: uuid,
    epoch: z.number().int(),
  })
  .openapi('GatewayStarted');

const stopped = z
  .object({
    gateway_hostname: z.string(),
    organization_id: uuid,
    allocation_id: uuid,
    run_id: runId,
    state: z.literal('released'),
  })
  .openapi('GatewayStopped');

const plan = z
  .object({
    kind: z.string(),
    organization_id: uuid,
    gateway_hostname: z.string(),
    validate_only: z.literal(true),
    steps: z.array(
      z
        .object({
          name: z.string(),
          do: z.string(),
          undo: z.object({ kind: z.enum(['undo', 'nothing', 'point_of_no_return']), text: z.string() }),
        })
        .openapi('PlannedStep'),
    ),
  })
  .openapi('Plan');

const location = { Location: 'The run’s address.' };

/** `/gateway/*`: starting and stopping an organization’s gateway, and a replica’s word that it is up. */
export function gatewayRoutes(deps: Deps): Route[] {
  const longest = (): number => deps.settings.api.waitMs;
  const until = (waitMs: number): number | undefined => (waitMs === 0 ? undefined : Date.now() + waitMs);
  const start = route({
    method: 'post',
    path: '/gateway/start',
    operationId: 'startGateway',
    tag: 'gateways',
    summary: 'Start the organization’s gateway',
    description:
      'Waits for the result unless `Prefer` says otherwise. An organization that has a gateway gets it back; one whose gateway is being started joins that run.',
    access: token('operate'),
    query: z.strictObject({
      validateOnly: flag.optional().openapi({ description: '`true` answers with the plan and touches nothing.' }),
    }),
    headers: z.object({ ...idempotencyHeader, ...preferHeader }),
    body: z.strictObject({ organization_id: uuid }).openapi('StartGateway'),
    answers: {
      200: { description: 'The gateway is up; or, with `validateOnly`, the plan.', schema: z.union([started, plan]) },
      202: { description: 'The run goes on.', schema: accepted, headers: location },
      500: { description: 'The run failed and was taken back.' },
    },
    failures: [
      'NOT_FOUND',
      'STATE_CONFLICT',
      'ALLOCATION_BUSY',
      'IDEMPOTENCY_KEY_REUSED',
      'IDEMPOTENCY_KEY_IN_FLIGHT',
      ...runFailures,
    ],
    async handle({ caller, query, headers, body, gone, res }) {
      const organizationId = body.organization_id;
      caller.mustSee(organizationId);
      if (query.validateOnly === 'true') return ok(planView(organizationId, deps.settings.zone.name));
      const waitMs = preferredWait(headers.Prefer, longest());
      const keyed = { caller, key: headers['Idempotency-Key'], route: 'POST /gateway/start', organizationId, body };
      return await answerOnce(deps, { ...keyed, subject: randomUUID() }, (allocationId) =>
        startGateway(deps, { organizationId, allocationId, until: until(waitMs), gone, res }),
      );
    },
  });

  const stop = route({
    method: 'post',
    path: '/gateway/stop',
    operationId: 'stopGateway',
    tag: 'gateways',
    summary: 'Stop a gateway, by its organization or by its allocation',
    access: token('operate'),
    headers: z.object({ ...idempotencyHeader, ...preferHeader }),
    body: z
      .strictObject({ organization_id: uuid.optional(), allocation_id: uuid.optional() })
      .refine((body) => (body.organization_id === undefined) !== (body.allocation_id === undefined), {
        message: 'name either organization_id or allocation_id',
      })
      .openapi('StopGateway'),
    answers: {
      200: { description: 'The gateway is down, now or since before.', schema: stopped },
      202: { description: 'The run goes on.', schema: accepted, headers: location },
      500: { description: 'The run failed and was taken back.' },
    },
    failures: ['NOT_FOUND', 'STATE_CONFLICT', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_IN_FLIGHT', ...runFailures],
    async handle({ caller, headers, body, gone, res }) {
      if (body.organization_id !== undefined) caller.mustSee(body.organization_id);
      const held = body.allocation_id
        ? await deps.store.pool.allocation(body.allocation_id)
        : await deps.store.pool.openAllocation(body.organization_id!);
      if (body.allocation_id && (!held || !caller.sees(held.organizationId)))
        throw new Failure('NOT_FOUND', 'There is no such allocation.');
      const organizationId = held?.organizationId ?? body.organization_id!;
      const waitMs = preferredWait(headers.Prefer, longest());
      const keyed = { caller, key: headers['Idempotency-Key'], route: 'POST /gateway/stop', organizationId, body };
      return await answerOnce(deps, { ...keyed, subject: held?.id ?? '' }, (allocationId) =>
        stopGateway(deps, { allocationId, until: until(waitMs), gone, res }),
      );
    },
  });

  const ready = route({
    method: 'post',
    path: '/gateway/ready',
    operationId: 'announceReplica',
    tag: 'replicas',
    summary: 'A gateway replica says that it is up, where, and which epoch it serves',
    access: replica,
    body: z
      .strictObject({
        replica_id: uuid,
        address: z.string().max(21).openapi({ example: '10.0.0.5:8080' }),
        serving_epoch: z.number().int().min(0).openapi({ description: '0 when it serves none.' }),
      })
      .openapi('ReplicaReady'),
    answers: { 200: { description: 'It is known to be up.', schema: replicaSchema } },
    failures: ['FORBIDDEN', 'ADDRESS_REFUSED', 'STORE_UNAVAILABLE'],
    async handle({ caller, body }) {
      const networks = deps.settings.networks.map(network);
      const announced = await deps.store.pool.announce({
        id: body.replica_id,
        secretHash: hashSecret(caller.secret),
        address: formatAddress(address(body.address, networks)),
        servingEpoch: body.serving_epoch,
      });
      return ok(replicaView(announced));
    },
  });
  return [start, stop, ready];
}

function planView(organizationId: string, zone: string): Record<string, unknown> {
  return {
    kind: 'gateway.start',
    organization_id: organizationId,
    gateway_hostname: gatewayHostname(organizationId, zone),
    validate_only: true,
    steps: planOf('gateway.start').map(({ name, do: does, undo }) => ({ name, do: does, undo })),
  };
}
