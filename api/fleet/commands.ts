import { randomUUID } from 'node:crypto';
import { gatewayConfiguration } from '../../domain/fleet/configuration';
import type { FleetGateway, FleetReplica, GatewayConfiguration } from '../../domain/fleet/gateway';
import { GatewayState } from '../../domain/fleet/lifecycle';
import { eventText, refusal, replicaStatus } from '../../domain/fleet/messages';
import { mustBeInPlace, planOf } from '../../domain/fleet/plan';
import { defaultFleetPolicy, type FleetPolicy } from '../../domain/fleet/policy';
import type { Applied, Asking, GatewayWithReplicas, Manner, Planned } from './asked';
import { Failure, isFailure } from '../../domain/failures';
import type { BackendSettings, Settings } from '../../domain/settings';
import type { Store } from '../../prisma/store';
import { mustBeServed } from './backends';
import { profileRevisionOf } from './profiles';
import type { Teller } from './teller';

/** Commands that are overtaken by others begin again this often. */
const ATTEMPTS = 5;

/**
 * What can be asked of gateways: both APIs say it in their own words and do nothing else. Every command is bound to one
 * organization; others' gateways are not there. What a command wants is written first and then told to the workflows.
 */
export class FleetCommands {
  constructor(
    private readonly store: Store,
    private readonly settings: Settings,
    private readonly teller: Teller,
  ) {}

  get policy(): FleetPolicy {
    return this.settings.fleet?.policy ?? defaultFleetPolicy;
  }

  get backends(): readonly BackendSettings[] {
    return this.settings.fleet?.backends ?? [];
  }

  /** @throws Failure INVALID_INPUT (data: errors) */
  configuration(value: unknown, pointer = '#'): GatewayConfiguration {
    return gatewayConfiguration(value, this.policy, pointer);
  }

  /**
   * What applying a configuration would do now.
   * @throws Failure INVALID_INPUT, BACKEND_UNAVAILABLE; STATE_CONFLICT for a gateway that is FAILED or to be deleted.
   */
  async plan({ organizationId }: Asking, configuration: GatewayConfiguration, manner: Manner = {}): Promise<Planned> {
    const current = await this.store.fleet.gateways.named(organizationId, configuration.name);
    return await this.planOn(current, organizationId, configuration, manner);
  }

  private async planOn(
    current: FleetGateway | null,
    organizationId: string,
    given: GatewayConfiguration,
    { keepProfile }: Manner,
  ): Promise<Planned> {
    const kept = keepProfile && current ? current.profile : undefined;
    const configuration = kept ? { ...given, profile: current!.configuration.profile } : given;
    const profile = kept ?? (await profileRevisionOf(this.store.fleet.profiles, organizationId, given.profile));
    const plan = planOf(configuration, profile, current);
    if (plan.action !== 'update') mustBeServed(this.backends, configuration);
    return { ...plan, configuration, profile, current };
  }

  /**
   * Makes a gateway, or changes it in place. Sent again it finds what it did and changes nothing.
   * @throws Failure as {@link plan}; STATE_CONFLICT (data: changed) for what cannot change in place; CONFLICT when others
   * keep changing it; whatever `manner` throws.
   */
  async apply(asking: Asking, configuration: GatewayConfiguration, manner: Manner = {}): Promise<Applied> {
    return await untilNotOvertaken(() => this.applyOnce(asking, configuration, manner));
  }

  private async applyOnce(asking: Asking, given: GatewayConfiguration, manner: Manner): Promise<Applied> {
    const { organizationId, actor } = asking;
    const { gateways } = this.store.fleet;
    const current = await gateways.named(organizationId, given.name);
    manner.before?.(current);
    const { profile, configuration, ...plan } = await this.planOn(current, organizationId, given, manner);
    if (!current) {
      const id = randomUUID();
      const gateway = await gateways.create({ id, organizationId, configuration, profile, actor });
      await this.tell(gateway);
      return { gateway, outcome: 'created', takesTime: true };
    }
    if (plan.noChanges) {
      // Whoever sends it again may do so because nobody was told.
      await this.tell(current);
      return { gateway: current, outcome: 'unchanged', takesTime: false };
    }
    manner.change?.(current);
    mustBeInPlace(plan, current.name);
    // The version that was looked at, so that what was expected still holds when it is written.
    const by = { actor, version: current.resourceVersion };
    const gateway = await gateways.update(organizationId, current.id, { configuration, profile }, by);
    await this.tell(gateway);
    const takesTime = plan.changes.some(({ field }) => field === 'replicas' || field === 'profile');
    return { gateway, outcome: 'updated', takesTime };
  }

  /**
   * Changes how many replicas a gateway wants.
   * @param scale.force whether replicas that organizations hold may go; their allocations are moved.
   * @throws Failure NOT_FOUND, INVALID_INPUT, STATE_CONFLICT; CONFLICT (data: currentVersion) for a stale version.
   */
  async scale(
    asking: Asking,
    name: string,
    { replicas, force = false, version }: { replicas: number; force?: boolean; version?: number | undefined },
  ): Promise<FleetGateway> {
    if (replicas > this.policy.maxReplicas)
      throw new Failure('INVALID_INPUT', refusal.tooManyReplicas(replicas, this.policy.maxReplicas), {
        data: { errors: [{ detail: 'too many', pointer: '#/replicas' }] },
      });
    const { organizationId } = asking;
    const scaleOnce = async (): Promise<FleetGateway> => {
      const gateway = await this.named(organizationId, name);
      // Whether it is the default may have been said since it was applied, and is not asked here.
      const configuration = { ...gateway.configuration, replicas, default: null };
      const change = { configuration, scaleInForced: force };
      const looked = by(asking, version ?? gateway.resourceVersion);
      return await this.told(this.store.fleet.gateways.update(organizationId, gateway.id, change, looked));
    };
    return version === undefined ? await untilNotOvertaken(scaleOnce) : await scaleOnce();
  }

  /** Makes a gateway the organization's default. @throws Failure NOT_FOUND, STATE_CONFLICT, CONFLICT */
  async setDefault(asking: Asking, name: string): Promise<FleetGateway> {
    const gateway = await this.named(asking.organizationId, name);
    return await this.told(this.store.fleet.gateways.setDefault(asking.organizationId, gateway.id, by(asking)));
  }

  /** Has a gateway deleted once all its replicas are gone. @throws Failure NOT_FOUND; CONFLICT (data: currentVersion) */
  async remove(asking: Asking, name: string, version?: number): Promise<FleetGateway> {
    const gateway = await this.named(asking.organizationId, name);
    return await this.told(
      this.store.fleet.gateways.markForDeletion(asking.organizationId, gateway.id, by(asking, version)),
    );
  }

  /**
   * Has a replica go; another takes its number.
   * @throws Failure NOT_FOUND; STATE_CONFLICT unless its gateway is RUNNING, for which a missing replica is no failure.
   */
  async replaceReplica(asking: Asking, name: string, replicaId: string): Promise<FleetReplica> {
    const { gateway, replicas } = await this.get(asking.organizationId, name);
    const found = replicas.find(({ id }) => id === replicaId);
    if (!found) throw new Failure('NOT_FOUND', 'The gateway has no such replica.');
    if (gateway.deletionMarkedAt) throw new Failure('STATE_CONFLICT', refusal.beingDeleted(name));
    if (gateway.state !== GatewayState.running)
      throw new Failure('STATE_CONFLICT', refusal.notRunning(name, gateway.state), { data: { state: gateway.state } });
    const { replicas: stored, events } = this.store.fleet;
    const { organizationId, actor } = asking;
    const over = found.state === 'terminating' || found.state === 'terminated';
    if (!over)
      await events.add({
        ...{ organizationId, gatewayId: gateway.id, replicaId: found.id, actor },
        message: eventText.replaceAsked,
      });
    const replica = over
      ? found
      : await stored.move(organizationId, found.id, 'retire', { statusMessage: replicaStatus.replaced });
    await this.teller.replica(replica.id);
    await this.tell(gateway);
    return replica;
  }

  /** The organization's gateways, by name, each with its replicas. */
  async list(organizationId: string): Promise<GatewayWithReplicas[]> {
    const gateways = await this.store.fleet.gateways.list(organizationId);
    return await Promise.all(gateways.map((gateway) => this.withReplicas(gateway)));
  }

  /** @throws Failure NOT_FOUND */
  async get(organizationId: string, name: string): Promise<GatewayWithReplicas> {
    return await this.withReplicas(await this.named(organizationId, name));
  }

  private async named(organizationId: string, name: string): Promise<FleetGateway> {
    const gateway = await this.store.fleet.gateways.named(organizationId, name);
    if (!gateway) throw new Failure('NOT_FOUND', 'There is no such gateway.');
    return gateway;
  }

  /** A gateway with its replicas by number, the last TERMINATED one of each number included. */
  async withReplicas(gateway: FleetGateway): Promise<GatewayWithReplicas> {
    return { gateway, replicas: await this.store.fleet.replicas.list(gateway.organizationId, gateway.id) };
  }

  private async told(change: Promise<FleetGateway>): Promise<FleetGateway> {
    const gateway = await change;
    await this.tell(gateway);
    return gateway;
  }

  private async tell({ organizationId, id }: FleetGateway): Promise<void> {
    await this.teller.gateway({ organizationId, gatewayId: id });
  }
}

function by({ actor }: Asking, version?: number): { actor: string; version?: number } {
  return { actor, ...(version !== undefined && { version }) };
}

/** Looks and writes again while it is overtaken: by another write, a create of that name, or a deletion. */
async function untilNotOvertaken<T>(lookAndWrite: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await lookAndWrite();
    } catch (error) {
      const overtaken = isFailure(error) && (error.code === 'CONFLICT' || error.code === 'NOT_FOUND');
      if (!overtaken || attempt === ATTEMPTS) throw error;
    }
  }
}
