import { DeployAction, refusalOf } from '../domain/deploy/actions';
import type { DeployOperation, DeployRequest, DeployReview } from '../domain/deploy/request';
import { actable } from '../domain/deploy/request';
import {
  deploymentMoves,
  DeploymentState,
  holdsPlace,
  isTerminal,
  type DeploymentMoveName,
} from '../domain/deploy/states';
import { requestEvent, requestResource } from '../domain/deploy/webhook-event';
import { Failure } from '../domain/failures';
import type { Database } from './database';
import { announce } from './database-events';
import { StoredPlans } from './deploy-plans';
import { StoredReviews, type NewReview } from './deploy-reviews';
import { requestOf, requestRow } from './deploy-rows';
import type {
  DeploymentNotes,
  DeployRequestFilter,
  DeployRequests,
  NewDeployRequest,
  NewOperation,
  OperationReport,
  Page,
  TimeRange,
} from './deploy-store';
import { Prisma } from './generated/sqlite/client';
import type { DeployRequestModel } from './generated/sqlite/models';
import { pageOf } from './pages';
import { forUpdate, lockDatabase } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

const terminal = Object.values(DeploymentState).filter(isTerminal);
const holding = Object.values(DeploymentState).filter(holdsPlace);
/** The states in which nothing is left to do. */
const over = terminal.filter((state) => !holdsPlace(state));

/** {@link DeployRequests} in the database. */
export class StoredDeployRequests implements DeployRequests {
  private readonly plans: StoredPlans;
  private readonly said: StoredReviews;

  constructor(private readonly database: Database) {
    this.plans = new StoredPlans(database);
    this.said = new StoredReviews(database);
  }

  async open(request: NewDeployRequest): Promise<DeployRequest> {
    const { id, organizationId, databaseId } = request;
    const row = await this.database.together(async (statements) => {
      if (!(await lockDatabase(this.database, statements, { organizationId, databaseId })))
        throw new Failure('NOT_FOUND', 'there is no such database');
      const same = await requests(statements).findFirst({ where: { id, organizationId, databaseId } });
      if (same) return same;
      const opened = await enter(statements, request);
      await this.tell(statements, null, opened);
      return opened;
    });
    return requestOf(row);
  }

  async get(organizationId: string, databaseId: string, number: number): Promise<DeployRequest | null> {
    return await this.find({ organizationId, databaseId, number });
  }

  async byId(organizationId: string, requestId: string): Promise<DeployRequest | null> {
    return await this.find({ id: requestId, organizationId });
  }

  private async find(where: Partial<DeployRequestModel>): Promise<DeployRequest | null> {
    const row = await this.database.direct((statements) => requests(statements).findFirst({ where }));
    return row && requestOf(row);
  }

  async list(organizationId: string, databaseId: string, filter: DeployRequestFilter): Promise<Page<DeployRequest>> {
    const { state, branch, intoBranch, deployedAt, runningAt } = filter;
    const where = [
      Prisma.sql`organization_id = ${organizationId} AND database_id = ${databaseId}`,
      state && inState[state],
      branch === undefined ? undefined : Prisma.sql`branch = ${branch}`,
      intoBranch === undefined ? undefined : Prisma.sql`into_branch = ${intoBranch}`,
      ...within(Prisma.sql`deployed_at`, deployedAt),
      ...within(Prisma.sql`started_at`, runningAt),
    ];
    const listed = { from: Prisma.sql`deploy_request`, where, order: Prisma.sql`number DESC` };
    return await this.database.direct((statements) => pageOf(statements, listed, filter, requestOf));
  }

  async move(
    organizationId: string,
    requestId: string,
    move: DeploymentMoveName,
    notes: DeploymentNotes = {},
  ): Promise<DeployRequest> {
    const { from, to } = deploymentMoves[move];
    return await this.change(organizationId, requestId, ({ state }) => {
      if ((from as readonly string[]).includes(state)) return { ...requestRow(notes), state: to };
      if (state !== to) throw conflict(`a deployment that is ${state} does not go to ${to} by ${move}`, state);
      const noted = requestRow(notes);
      return Object.keys(noted).length > 0 ? noted : null;
    });
  }

  async note(organizationId: string, requestId: string, notes: DeploymentNotes): Promise<DeployRequest> {
    return await this.change(organizationId, requestId, () => requestRow(notes));
  }

  async close(organizationId: string, requestId: string, by: string): Promise<DeployRequest> {
    return await this.change(organizationId, requestId, (row) => {
      const refused = refusalOf(DeployAction.close, actable(requestOf(row), false));
      if (!refused) return { closedBy: by, closedAt: new Date() };
      if (row.closedBy === by) return null;
      throw refused;
    });
  }

  async deployed(organizationId: string, requestId: string, instant: boolean): Promise<DeployRequest> {
    return await this.change(organizationId, requestId, (row) => {
      const { state, deployedAt, closedAt } = row;
      const { ready, queued } = DeploymentState;
      if (deployedAt !== null && state === queued && row.instant === instant) return null;
      const now = new Date();
      const accepted = { deployedAt: now, queuedAt: row.queuedAt ?? now, instant, state: queued };
      if (deployedAt === null && closedAt === null && (state === ready || state === queued)) return accepted;
      const refused = refusalOf(DeployAction.deploy, actable(requestOf(row), false));
      throw refused ?? conflict('deploy request already deployed', state);
    });
  }

  async plan(organizationId: string, owner: string): Promise<string | null> {
    return await this.plans.get(organizationId, owner);
  }

  async setPlan(
    organizationId: string,
    owner: string,
    plan: string,
    operations: readonly NewOperation[],
  ): Promise<void> {
    await this.plans.set(organizationId, owner, plan, operations);
  }

  async operations(organizationId: string, owner: string): Promise<DeployOperation[]> {
    return await this.plans.operations(organizationId, owner);
  }

  async report(
    organizationId: string,
    owner: string,
    reports: Readonly<Record<string, OperationReport>>,
  ): Promise<void> {
    await this.plans.report(organizationId, owner, reports);
  }

  async unfinished(): Promise<DeployRequest[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<DeployRequestModel>(Prisma.sql`
        SELECT * FROM deploy_request WHERE closed_at IS NULL AND state NOT IN (${Prisma.join(over)})
        ORDER BY created_at, id`),
    );
    return rows.map(requestOf);
  }

  async inLine(organizationId: string, databaseId: string): Promise<DeployRequest[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<DeployRequestModel>(Prisma.sql`
        SELECT * FROM deploy_request
        WHERE organization_id = ${organizationId} AND database_id = ${databaseId}
          AND state IN (${Prisma.join([DeploymentState.queued, ...holding])})
        ORDER BY deployed_at, number`),
    );
    return rows.map(requestOf);
  }

  async review(review: NewReview): Promise<DeployReview> {
    return await this.said.review(review);
  }

  async reviews(organizationId: string, requestId: string): Promise<DeployReview[]> {
    return await this.said.reviews(organizationId, requestId);
  }

  /** Decides on a request while nobody else changes it; null for nothing. */
  private async change(
    organizationId: string,
    requestId: string,
    decide: (row: DeployRequestModel) => Partial<DeployRequestModel> | null,
  ): Promise<DeployRequest> {
    return await this.database.together(async (statements) => {
      const row = await this.locked(statements, organizationId, requestId);
      const values = decide(row);
      if (values === null) return requestOf(row);
      const data = { ...values, updatedAt: new Date(), resourceVersion: { increment: 1 } };
      const [changed] = await requests(statements).updateManyAndReturn({ where: { id: requestId }, data });
      await this.tell(statements, row, changed!);
      return requestOf(changed!);
    });
  }

  /** Tells webhooks what has become of a request, in the transaction of the change. */
  private async tell(
    statements: Statements,
    before: DeployRequestModel | null,
    after: DeployRequestModel,
  ): Promise<void> {
    const request = requestOf(after);
    const event = requestEvent(before && requestOf(before), request);
    if (event) await announce(statements, request, event, requestResource(request));
  }

  /** The row, as it stays until the transaction ends. @throws Failure NOT_FOUND */
  private async locked(statements: Statements, organizationId: string, id: string): Promise<DeployRequestModel> {
    const [row] = await statements.rows<DeployRequestModel>(Prisma.sql`
      SELECT * FROM deploy_request WHERE id = ${id} AND organization_id = ${organizationId} ${forUpdate(this.database)}`);
    if (!row) throw new Failure('NOT_FOUND', 'there is no such deploy request');
    return row;
  }
}

/** {@link isOpen} of domain/deploy/request.ts, as a condition. */
const closed = Prisma.sql`(closed_at IS NOT NULL OR (deployed_at IS NOT NULL AND state IN (${Prisma.join(terminal)})))`;
const inState: Readonly<Record<NonNullable<DeployRequestFilter['state']>, Prisma.Sql>> = {
  open: Prisma.sql`NOT ${closed}`,
  closed,
  deployed: Prisma.sql`deployed_at IS NOT NULL`,
};

function within(column: Prisma.Sql, range: TimeRange = {}): (Prisma.Sql | undefined)[] {
  return [range.from && Prisma.sql`${column} >= ${range.from}`, range.until && Prisma.sql`${column} <= ${range.until}`];
}

function conflict(message: string, state: string): Failure {
  return new Failure('STATE_CONFLICT', message, { data: { state } });
}

/** Enters a request under the next number; the caller keeps everybody else from doing so. */
async function enter(statements: Statements, request: NewDeployRequest): Promise<DeployRequestModel> {
  const { id, organizationId, databaseId, branchId, branch, intoBranchId, intoBranch } = request;
  const { notes, renames = [], actor, autoCutover, autoDeleteBranch, throttle } = request;
  const [last] = await statements.rows<{ number: number }>(Prisma.sql`
    SELECT number FROM deploy_request WHERE database_id = ${databaseId} ORDER BY number DESC LIMIT 1`);
  const now = new Date();
  return await requests(statements).create({
    data: {
      ...{
        id,
        organizationId,
        databaseId,
        number: (last?.number ?? 0) + 1,
        branchId,
        branch,
        intoBranchId,
        intoBranch,
      },
      ...{ notes, actor, autoCutover, autoDeleteBranch, throttle, state: DeploymentState.pending },
      renames: JSON.stringify(renames),
      ...{ createdAt: now, updatedAt: now, resourceVersion: 1 },
    },
  });
}

function requests(statements: Statements) {
  return table<DeployRequestModel>(statements, 'deployRequest');
}
