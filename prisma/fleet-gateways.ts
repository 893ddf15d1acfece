import {
  isSameProfile,
  type FleetGateway,
  type GatewayConfiguration,
  type ProfileRevision,
} from '../domain/fleet/gateway';
import { GatewayState } from '../domain/fleet/lifecycle';
import { eventText } from '../domain/fleet/messages';
import { mustBeChangeable, mustBeInPlace, planOf } from '../domain/fleet/plan';
import type { Decision, HeldReplica } from '../domain/fleet/scaling';
import { Failure, isFailure } from '../domain/failures';
import { backoff, type Database } from './database';
import { recordEvents, type NewFleetEvent } from './fleet-events';
import { reconcile } from './fleet-reconcile';
import { gatewayOf, gatewayTarget, type GatewayKey } from './fleet-rows';
import type { GatewayChange, Gateways, Reconciliation } from './fleet-store';
import { Prisma } from './generated/sqlite/client';
import type { GatewayModel } from './generated/sqlite/models';
import type { Statements } from './statements';
import { ATTEMPTS, onFreshReads, Versioned } from './versioned';

/** Who changes a gateway, and which version of it. */
interface By {
  readonly actor: string | null;
  readonly version?: number;
}

/** What becomes of a row, and what is told of it; null for nothing. */
type Change = { readonly values: Partial<GatewayModel>; readonly messages: readonly string[] } | null;

/** {@link Gateways} in the database. */
export class StoredGateways implements Gateways {
  private readonly rows: Versioned<GatewayModel, GatewayKey>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, {
      model: 'gateway',
      what: 'gateway',
      identity: ['id', 'organizationId', 'name'],
    });
  }

  async create(input: {
    id: string;
    organizationId: string;
    configuration: GatewayConfiguration;
    profile: ProfileRevision;
    actor: string | null;
  }): Promise<FleetGateway> {
    const { id, organizationId, configuration } = input;
    for (let attempt = 1; ; attempt++) {
      const same = await this.rows.find({ id, organizationId });
      if (same) return gatewayOf(same);
      try {
        return gatewayOf(await this.database.together((statements) => this.enter(statements, input)));
      } catch (error) {
        if (!isFailure(error) || error.code !== 'CONFLICT') throw error;
        const taken = await this.named(organizationId, configuration.name);
        // Otherwise another gateway became the default in the same moment.
        if ((taken && taken.id !== id) || attempt === ATTEMPTS) throw error;
        await backoff(attempt);
      }
    }
  }

  private async enter(
    statements: Statements,
    {
      id,
      organizationId,
      configuration,
      profile,
      actor,
    }: {
      id: string;
      organizationId: string;
      configuration: GatewayConfiguration;
      profile: ProfileRevision;
      actor: string | null;
    },
  ): Promise<GatewayModel> {
    const isDefault = configuration.default ?? !(await this.default(organizationId, statements));
    // Where it says nothing, one that became the default in this moment stays it: the unique index refuses this one.
    if (configuration.default) await dethrone(statements, organizationId, id);
    const values: Partial<GatewayModel> = {
      name: configuration.name,
      defaultOrganizationId: isDefault ? organizationId : null,
      configuration: JSON.stringify(configuration),
      profileName: profile.name,
      profileRevision: profile.revision,
      state: GatewayState.submitted,
      desiredReplicas: configuration.replicas,
      createdAt: new Date(),
    };
    const row = await this.rows.putIf({ id, organizationId }, 'MustCreate', values, statements);
    const messages = [eventText.gatewayCreated, ...(isDefault ? [eventText.gatewayDefault] : [])];
    await recordEvents(statements, gatewayEvents(row, messages, actor));
    return row;
  }

  async get(organizationId: string, gatewayId: string): Promise<FleetGateway | null> {
    const row = await this.rows.find({ id: gatewayId, organizationId });
    return row && gatewayOf(row);
  }

  async named(organizationId: string, name: string): Promise<FleetGateway | null> {
    const [row] = await this.where(Prisma.sql`organization_id = ${organizationId} AND name = ${name}`);
    return row ? gatewayOf(row) : null;
  }

  async list(organizationId: string): Promise<FleetGateway[]> {
    return (await this.where(Prisma.sql`organization_id = ${organizationId}`)).map(gatewayOf);
  }

  async all(): Promise<FleetGateway[]> {
    return (await this.where(Prisma.sql`TRUE`)).map(gatewayOf);
  }

  async update(organizationId: string, gatewayId: string, change: GatewayChange, by: By): Promise<FleetGateway> {
    return await this.change(organizationId, gatewayId, by, (row) => updated(row, change));
  }

  async setDefault(organizationId: string, gatewayId: string, by: By): Promise<FleetGateway> {
    return await this.change(organizationId, gatewayId, by, (row) => {
      mustBeChangeable(gatewayOf(row));
      if (row.defaultOrganizationId !== null) return null;
      return { values: { defaultOrganizationId: organizationId }, messages: [eventText.gatewayDefault] };
    });
  }

  async markForDeletion(organizationId: string, gatewayId: string, by: By): Promise<FleetGateway> {
    return await this.change(organizationId, gatewayId, by, ({ deletionMarkedAt }) =>
      deletionMarkedAt ? null : { values: { deletionMarkedAt: new Date() }, messages: [eventText.gatewayMarked] },
    );
  }

  async reconcile(
    organizationId: string,
    gatewayId: string,
    decide: (gateway: FleetGateway, replicas: readonly HeldReplica[]) => Decision,
  ): Promise<Reconciliation> {
    return await reconcile(this.database, this.rows, { id: gatewayId, organizationId }, decide);
  }

  /** Reads, decides and writes with the events, again on a fresh read where somebody was faster and no version is named. */
  private async change(
    organizationId: string,
    id: string,
    { actor, version }: By,
    decide: (row: GatewayModel) => Change,
  ): Promise<FleetGateway> {
    const key = { id, organizationId };
    const once = async (): Promise<FleetGateway> => {
      const row = await this.rows.get(key);
      if (version !== undefined && version !== row.resourceVersion)
        throw new Failure('CONFLICT', `the gateway has version ${row.resourceVersion} now`, {
          data: { currentVersion: row.resourceVersion },
        });
      const change = decide(row);
      if (!change) return gatewayOf(row);
      return gatewayOf(
        await this.database.together(async (statements) => {
          if (change.values.defaultOrganizationId) await dethrone(statements, organizationId, id);
          const condition = { MatchResourceVersion: row.resourceVersion };
          const written = await this.rows.putIf(key, condition, change.values, statements);
          await recordEvents(statements, gatewayEvents(written, change.messages, actor));
          return written;
        }),
      );
    };
    return version === undefined ? await onFreshReads(once) : await once();
  }

  private async default(organizationId: string, statements: Statements): Promise<GatewayModel | undefined> {
    const [row] = await statements.rows<GatewayModel>(
      Prisma.sql`SELECT * FROM gateway WHERE default_organization_id = ${organizationId}`,
    );
    return row;
  }

  private async where(condition: Prisma.Sql): Promise<GatewayModel[]> {
    return await this.database.direct((statements) =>
      statements.rows<GatewayModel>(Prisma.sql`SELECT * FROM gateway WHERE ${condition} ORDER BY name, id`),
    );
  }
}

/** What a change in place writes. */
function updated(row: GatewayModel, { configuration, profile, scaleInForced }: GatewayChange): Change {
  const current = gatewayOf(row);
  if (configuration.name !== current.name)
    throw new Failure('INVALID_INPUT', 'the name of a gateway cannot be changed');
  const plan = planOf(configuration, profile, current);
  mustBeInPlace(plan, current.name);
  const fields = plan.changes.map(({ field }) => field as string);
  // Whoever changes the gateway without a word on it does not force.
  const forced = scaleInForced ?? (plan.noChanges && current.scaleInForced);
  if (forced !== current.scaleInForced) fields.push('scaleInForced');
  if (fields.length === 0) return null;
  const isDefault = configuration.default ?? current.isDefault;
  const becomesDefault = isDefault && !current.isDefault;
  return {
    values: {
      configuration: JSON.stringify(configuration),
      desiredReplicas: configuration.replicas,
      scaleInForced: forced,
      defaultOrganizationId: isDefault ? current.organizationId : null,
      lastUpdateAt: new Date(),
      ...(profile && profileValues(row, profile)),
    },
    messages: [eventText.gatewayUpdated(fields), ...(becomesDefault ? [eventText.gatewayDefault] : [])],
  };
}

/** A change of the profile has its replicas given it. What the last change that was settled gave them is the way back. */
function profileValues(row: GatewayModel, profile: ProfileRevision): Partial<GatewayModel> {
  const { profile: present, rollout } = gatewayOf(row);
  if (isSameProfile(present, profile)) return {};
  const former = rollout?.from ?? present;
  return {
    ...{ profileName: profile.name, profileRevision: profile.revision, rollout: row.rollout + 1 },
    ...{ formerProfileName: former.name, formerProfileRevision: former.revision },
  };
}

/** Whichever other gateway is the organization's default is it no more; first, because two cannot be at once. */
async function dethrone(statements: Statements, organizationId: string, except: string): Promise<void> {
  await statements.change(Prisma.sql`
    UPDATE gateway SET default_organization_id = NULL, resource_version = resource_version + 1
    WHERE default_organization_id = ${organizationId} AND id <> ${except}`);
}

function gatewayEvents(row: GatewayModel, messages: readonly string[], actor: string | null): NewFleetEvent[] {
  const { id, organizationId } = row;
  const project = { type: 'project', id: organizationId, name: organizationId } as const;
  return messages.map((message) => ({
    organizationId,
    gatewayId: id,
    replicaId: null,
    message,
    targets: message === eventText.gatewayDefault ? [gatewayTarget(row), project] : [gatewayTarget(row)],
    actor,
  }));
}
