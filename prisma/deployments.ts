import type { DeploymentRecord } from '../domain/rollout/apply';
import { DeploymentState, holdsPlace } from '../domain/deploy/states';
import { Failure } from '../domain/failures';
import type { Deployments, NewDeployment } from './apply-store';
import type { Database } from './database';
import { settingsOf } from './deploy-rows';
import { Prisma } from './generated/sqlite/client';
import type { BranchRecordModel, DatabaseRecordModel, DeploymentModel } from './generated/sqlite/models';
import { lockDatabase } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';
import { Versioned } from './versioned';

/** How a deployment is found: never by its id alone. */
interface DeploymentKey {
  readonly id: string;
  readonly databaseId: string;
  readonly organizationId: string;
}

const underWay = Object.values(DeploymentState).filter(holdsPlace);

/** {@link Deployments} in the database. */
export class StoredDeployments implements Deployments {
  private readonly rows: Versioned<DeploymentModel, DeploymentKey>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, {
      model: 'deployment',
      what: 'deployment',
      identity: ['id', 'organizationId', 'databaseId', 'server', 'schema'],
    });
  }

  async add(deployment: NewDeployment): Promise<DeploymentRecord> {
    const { id, organizationId, databaseId } = deployment;
    return await this.locked(deployment, async (statements, database) => {
      const same = await this.rows.find({ id, organizationId, databaseId }, statements);
      if (same) return same;
      await mustBeAtRest(statements, databaseId);
      await mustBeNobodys(statements, deployment, database);
      await this.enterOwn(statements, database);
      const position = await nextPosition(statements, deployment);
      return await this.enter(statements, deployment, position);
    });
  }

  async list(organizationId: string, databaseId: string): Promise<DeploymentRecord[]> {
    const [rows, settings] = await this.database.direct(async (statements) => [
      await statements.rows<DeploymentModel>(Prisma.sql`
        SELECT * FROM deployment WHERE database_id = ${databaseId} AND organization_id = ${organizationId}`),
      await table<DatabaseRecordModel>(statements, 'databaseRecord').findFirst({
        where: { id: databaseId, organizationId },
      }),
    ]);
    if (!settings || rows.length < 2) return [];
    const { environments } = settingsOf(settings.settings).rollout;
    // One that is in no order comes last.
    const place = ({ environment }: DeploymentModel): number =>
      environments.includes(environment) ? environments.indexOf(environment) : environments.length;
    return rows.sort(
      (a, b) =>
        place(a) - place(b) ||
        (environments.length > 0 ? compared(a.environment, b.environment) : 0) ||
        a.position - b.position ||
        +a.createdAt - +b.createdAt ||
        compared(a.id, b.id),
    );
  }

  async get(organizationId: string, databaseId: string, id: string): Promise<DeploymentRecord | null> {
    return await this.rows.find({ id, organizationId, databaseId });
  }

  async update(
    organizationId: string,
    databaseId: string,
    id: string,
    change: Partial<Pick<DeploymentRecord, 'name' | 'environment' | 'position'>>,
    version?: number,
  ): Promise<DeploymentRecord> {
    return await this.rows.update({ id, organizationId, databaseId }, () => change, version);
  }

  async remove(organizationId: string, databaseId: string, id: string): Promise<void> {
    await this.locked({ organizationId, databaseId }, async (statements, database) => {
      const key = { id, organizationId, databaseId };
      if (!(await this.rows.find(key, statements))) return;
      await mustBeAtRest(statements, databaseId);
      const [count] = await statements.rows<{ count: bigint | number }>(
        Prisma.sql`SELECT COUNT(*) AS count FROM deployment WHERE database_id = ${databaseId}`,
      );
      const own = await defaultBranch(statements, database);
      if (own?.id === id && Number(count!.count) > 1)
        throw new Failure(
          'STATE_CONFLICT',
          'the default branch has to be deployed to while there are other deployments',
        );
      await this.rows.deleteIf(key, 'Unconditional', statements);
    });
  }

  /** @throws Failure NOT_FOUND for no such database */
  private async locked<T>(
    key: { readonly organizationId: string; readonly databaseId: string },
    action: (statements: Statements, database: DatabaseRecordModel) => Promise<T>,
  ): Promise<T> {
    return await this.database.together(async (statements) => {
      const { organizationId, databaseId: id } = key;
      const isThere = await lockDatabase(this.database, statements, key);
      const database =
        isThere &&
        (await table<DatabaseRecordModel>(statements, 'databaseRecord').findFirst({ where: { id, organizationId } }));
      if (!database) throw new Failure('NOT_FOUND', 'there is no such database');
      return await action(statements, database);
    });
  }

  /** Enters that of the default branch, where it is not there yet. */
  private async enterOwn(statements: Statements, database: DatabaseRecordModel): Promise<void> {
    const branch = await defaultBranch(statements, database);
    if (!branch) throw new Failure('STATE_CONFLICT', 'the database has no default branch');
    const { id, organizationId, databaseId, name, schema } = branch;
    if (await this.rows.find({ id, organizationId, databaseId }, statements)) return;
    const environment = branch.production ? 'production' : 'development';
    const own = { id, organizationId, databaseId, name, environment, server: database.server, schema };
    await this.enter(statements, own, 0);
  }

  private async enter(statements: Statements, deployment: NewDeployment, position: number): Promise<DeploymentModel> {
    const { id, organizationId, databaseId, ...values } = deployment;
    const row = { ...values, position, createdAt: new Date() };
    return await this.rows.putIf({ id, organizationId, databaseId }, 'MustCreate', row, statements);
  }
}

async function defaultBranch(
  statements: Statements,
  { id: databaseId, defaultBranch: liveName }: DatabaseRecordModel,
): Promise<BranchRecordModel | null> {
  return await table<BranchRecordModel>(statements, 'branchRecord').findFirst({ where: { databaseId, liveName } });
}

/** @throws Failure STATE_CONFLICT while a deploy request of the database holds a place */
async function mustBeAtRest(statements: Statements, databaseId: string): Promise<void> {
  const [busy] = await statements.rows<{ number: number; state: string }>(Prisma.sql`
    SELECT number, state FROM deploy_request
    WHERE database_id = ${databaseId} AND state IN (${Prisma.join(underWay)}) ORDER BY number LIMIT 1`);
  if (busy)
    throw new Failure('STATE_CONFLICT', `deploy request ${busy.number} is under way (${busy.state})`, {
      data: { state: busy.state, number: busy.number },
    });
}

/** @throws Failure CONFLICT for a schema that is a branch's, of this database or another of the organization */
async function mustBeNobodys(
  statements: Statements,
  { organizationId, server, schema }: NewDeployment,
  database: DatabaseRecordModel,
): Promise<void> {
  const [taken] = await statements.rows<{ name: string; branch: string }>(Prisma.sql`
    SELECT database_record.name AS name, branch_record.name AS branch
    FROM branch_record JOIN database_record ON database_record.id = branch_record.database_id
    WHERE branch_record.organization_id = ${organizationId} AND branch_record.schema = ${schema}
      AND branch_record.live_name IS NOT NULL AND database_record.server = ${server}
    LIMIT 1`);
  if (!taken) return;
  const of = taken.name === database.name ? 'this database' : `database ${taken.name}`;
  throw new Failure('CONFLICT', `that schema is branch ${taken.branch} of ${of}`, {
    retryable: false,
    data: { reason: 'UniqueViolation' },
  });
}

async function nextPosition(statements: Statements, { databaseId, environment }: NewDeployment): Promise<number> {
  const [last] = await statements.rows<{ position: number }>(Prisma.sql`
    SELECT position FROM deployment WHERE database_id = ${databaseId} AND environment = ${environment}
    ORDER BY position DESC LIMIT 1`);
  return (last?.position ?? -1) + 1;
}

function compared(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
