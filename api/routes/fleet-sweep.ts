import type { OrphanFound, ReplicaRef, SweepReport } from '../../domain/fleet/contract';
import { replicaName } from '../../domain/fleet/gateway';
import { Failure } from '../../domain/failures';
import type { Store } from '../../prisma/store';
import { unboundToken } from '../access';
import type { Deps } from '../deps';
import { failureView, uuid } from '../schemas';
import { ok, route, type Route } from '../route';
import { abortWith } from '../signals';
import { z } from '../zod';

const orphan = z
  .object({
    backend: z.string(),
    region: z.string(),
    instance_id: z.string(),
    replica_id: z.string().nullable().openapi({ description: 'The replica that it says it is of.' }),
    why: z.string(),
  })
  .openapi('OrphanMachine');

/** What a sweep tells. */
export const sweepReportSchema = z
  .object({
    state: z.literal('done'),
    dry_run: z.boolean(),
    orphans: z.array(orphan).openapi({ description: 'Machines of no replica: destroyed, unless it was a dry run.' }),
    too_young: z.array(orphan).openapi({ description: 'Such machines that are left alone until they are older.' }),
    lost: z
      .array(
        z
          .object({
            organization_id: uuid,
            gateway_id: uuid,
            replica_id: uuid,
            name: z.string().nullable().openapi({ description: 'null once it is gone.' }),
          })
          .openapi('LostReplica'),
      )
      .openapi({ description: 'Replicas whose machine is gone: replaced, unless it was a dry run.' }),
    unreachable: z.array(z.object({ backend: z.string(), error: failureView })),
  })
  .openapi('SweepReport');

const going = z.object({ state: z.literal('running'), dry_run: z.boolean() }).openapi('SweepGoesOn');

/** `/v1/sweep`: what the schedule does every few minutes, now. */
export function fleetSweepRoutes({ store, engine, settings, closing }: Deps): Route[] {
  const sweep = route({
    method: 'post',
    path: '/v1/sweep',
    operationId: 'sweep',
    tag: 'fleet',
    summary: 'Destroy machines of no replica and replace replicas without a machine, or say what would be done',
    description: 'It concerns every organization. Asked for again while one is under way, it is that one.',
    access: unboundToken('admin'),
    body: z
      .strictObject({ dry_run: z.boolean().openapi({ description: 'Whether it only says what it would do.' }) })
      .openapi('Sweep'),
    answers: {
      200: { description: 'What it found.', schema: sweepReportSchema },
      202: {
        description: 'It goes on; ask again to wait for it.',
        schema: going,
        headers: { 'Retry-After': 'Seconds until asking again.' },
      },
    },
    failures: ['BACKEND_UNAVAILABLE', 'STORE_UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    async handle({ body: { dry_run: dryRun }, gone }) {
      const { policy, fleet, api } = settings;
      if (!fleet) throw new Failure('BACKEND_UNAVAILABLE', 'No backend is configured; there is nothing to sweep.');
      const enough = new AbortController();
      const timer = setTimeout(() => enough.abort(), api.waitMs);
      const leave = abortWith(enough, gone, closing);
      try {
        const input = { dryRun, policy, fleet: fleet.policy };
        const found = await engine.sweep(input, enough.signal);
        if (found) return ok(await reportView(store, found));
        return { status: 202, headers: { 'Retry-After': '1' }, body: { state: 'running', dry_run: dryRun } };
      } finally {
        clearTimeout(timer);
        leave();
      }
    },
  });
  return [sweep];
}

async function reportView(store: Store, found: SweepReport): Promise<z.infer<typeof sweepReportSchema>> {
  return {
    state: 'done',
    dry_run: found.dryRun,
    orphans: found.orphans.map(orphanView),
    too_young: found.tooYoung.map(orphanView),
    lost: await Promise.all(found.lost.map((ref) => lostView(store, ref))),
    unreachable: [...found.unreachable],
  };
}

function orphanView({ backend, region, instanceId, replicaId, why }: OrphanFound): z.infer<typeof orphan> {
  return { backend, region, instance_id: instanceId, replica_id: replicaId, why };
}

async function lostView({ fleet }: Store, { organizationId, gatewayId, replicaId }: ReplicaRef) {
  const gateway = await fleet.gateways.get(organizationId, gatewayId);
  const replica = await fleet.replicas.get(organizationId, replicaId);
  const name = gateway && replica && replicaName(gateway.name, replica.num);
  return { organization_id: organizationId, gateway_id: gatewayId, replica_id: replicaId, name };
}
