import { isDeepStrictEqual } from 'node:util';
import type { FleetGateway, GatewayConfiguration } from '../../domain/fleet/gateway';
import { refusal } from '../../domain/fleet/messages';
import { Failure, isFailure } from '../../domain/failures';
import type { Applied, Asking } from '../fleet/asked';
import type { FleetCommands } from '../fleet/commands';
import { reads, writes, type Call, type Called } from './call';
import { revisionOf, sameRevision, shownConfiguration, wantedConfiguration } from './configuration';
import * as bodies from './schemas';
import type { GivenResource, GivenSpec } from './schemas';
import { gatewayView } from './views';

/** These clients cannot say which profile a gateway is to have, so it keeps its own. */
const keepProfile = true;

const base = '/project/:project/gateways';

/** dstack's calls on gateways, as its own server answers them. */
export function gatewayCalls(fleet: () => FleetCommands): Call[] {
  const shown = async ({ project, version }: Called<unknown>, gateway: FleetGateway): Promise<unknown> =>
    gatewayView(await fleet().withReplicas(gateway), project, version);

  const wanted = (
    { organizationId, version }: Called<unknown>,
    spec: Pick<GivenSpec, 'configuration'>,
  ): GatewayConfiguration => wantedConfiguration(fleet(), spec, version, organizationId);

  return [
    reads(`${base}/list`, bodies.listBody, async ({ organizationId, project, version }) => {
      const all = await fleet().list(organizationId);
      return all.map((each) => gatewayView(each, project, version));
    }),

    reads(`${base}/get`, bodies.getBody, async ({ organizationId, project, version, body }) =>
      gatewayView(await fleet().get(organizationId, body.name), project, version),
    ),

    // Asked for by administrators alone, as by dstack's own server, although it changes nothing.
    {
      ...writes(`${base}/get_plan`, bodies.planBody, async (called) => {
        const { caller, project, version, body } = called;
        const plan = await fleet().plan(asking(called), wanted(called, body.spec), { keepProfile });
        const { router: _, ...given } = body.spec.configuration;
        return {
          project_name: project,
          user: caller.name,
          spec: { ...body.spec, configuration: { ...given, default: given.default ?? null } },
          effective_spec: {
            configuration: shownConfiguration(plan.configuration, plan.configuration.default, version),
            configuration_path: body.spec.configuration_path ?? null,
          },
          current_resource: plan.current && (await shown(called, plan.current)),
          action: plan.action === 'update' ? 'update' : 'create',
        };
      }),
      writes: false,
    },

    writes(`${base}/apply`, bodies.applyBody, async (called) => {
      const { plan, force } = called.body;
      const { gateway } = await fleet().apply(asking(called), wanted(called, plan.spec), {
        keepProfile,
        change(current) {
          if (!force && !isStill(current, plan.current_resource))
            throw new Failure('PRECONDITION_FAILED', refusal.changed);
        },
      });
      return await shown(called, gateway);
    }),

    writes(`${base}/create`, bodies.createBody, async (called) => {
      const { gateway }: Applied = await fleet().apply(asking(called), wanted(called, called.body), {
        keepProfile,
        change(current) {
          throw new Failure('CONFLICT', `gateway ${current.name} exists already`, {
            data: { reason: 'UniqueViolation' },
          });
        },
      });
      return await shown(called, gateway);
    }),

    writes(`${base}/delete`, bodies.deleteBody, async (called) => {
      for (const name of new Set(called.body.names))
        await fleet()
          .remove(asking(called), name)
          .catch((error: unknown) => {
            // One that is gone already is as it is wanted: a client sends it again after a dropped connection.
            if (!isFailure(error) || error.code !== 'NOT_FOUND') throw error;
          });
      return null;
    }),

    writes(`${base}/set_default`, bodies.setDefaultBody, async (called) => {
      const { name, gateway_project: other } = called.body;
      if (other !== null && other !== called.project) throw new Failure('NOT_FOUND');
      await fleet().setDefault(asking(called), name);
      return null;
    }),

    writes(`${base}/set_wildcard_domain`, bodies.setWildcardDomainBody, async (called) => {
      const { gateway } = await fleet().get(called.organizationId, called.body.name);
      const domain = called.body.wildcard_domain;
      const configuration = fleet().configuration({ ...gateway.configuration, domain, default: null });
      return await shown(called, (await fleet().apply(asking(called), configuration, { keepProfile })).gateway);
    }),
  ];
}

function asking({ organizationId, caller }: Called<unknown>): Asking {
  return { organizationId, actor: caller.label };
}

/** Whether a gateway is still as a plan showed it. Which one is the default is not asked: it is nothing of its own. */
function isStill(current: FleetGateway, expected: GivenResource | null | undefined): boolean {
  if (expected?.id.toLowerCase() !== current.id) return false;
  if (expected.instance_id) return sameRevision(expected.instance_id, revisionOf(current));
  const { default: _, ...there } = shownConfiguration(current.configuration);
  const then = Object.fromEntries(Object.keys(there).map((member) => [member, expected.configuration[member] ?? null]));
  return isDeepStrictEqual(then, there);
}
